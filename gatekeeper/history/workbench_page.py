"""One self-contained page on which limits are slid over past audits."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from typing import Any

from gatekeeper.bundled import bundled
from gatekeeper.errors import excerpt
from gatekeeper.history.workbench import Slid
from gatekeeper.policy.decide_rules import joins
from gatekeeper.policy.in_words import about_in_words, wording
from gatekeeper.policy.new import Base, extends_text
from gatekeeper.policy.workbench.faults import allowed, at_odds
from gatekeeper.policy.workbench.grid import Slider, sliders
from gatekeeper.records.policy import Policy
from gatekeeper.report.wording import Wording

#: In this order: each uses what stands in those before it.
_SCRIPTS = ("verdicts.js", "words.js", "sliders.js", "audits.js", "page.js")
#: Words of `policy explain` that the page says too.
_ALSO = ("explain.at_most", "explain.at_least", "explain.blocks", "explain.warns")


def page(policy: Policy, file: Path, slid: Slid, out: Path, lang: str = "en") -> str:
    """The page as HTML that asks nothing of a network.

    Args:
        file: of the policy; the new one, saved in the folder of `out`, extends it.
        lang: one of `in_words.languages`.

    Raises:
        UsageError: there is no such language.
    """
    words = wording(lang)
    title = words("workbench.title", policy=excerpt(f"{policy.id} {policy.version}"))
    data = page_data(policy, slid, words)
    data["head"] = _head(policy, file, out, words)
    data["file"] = excerpt(file.name)
    folder = bundled("report_templates") / "workbench"
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = "".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    policy_text = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    filled = {
        "lang": lang,
        "csp": policy_text,
        "title": escape(title),
        "noscript": escape(words("workbench.noscript")),
        "style": style,
        "script": script,
        "data": embedded(data),
    }
    text = (folder / "page.html").read_text(encoding="utf-8")
    first, *parts = text.split("{{")
    ends = (part.split("}}", 1) for part in parts)
    return first + "".join(filled[name] + rest for name, rest in ends)


def embedded(data: object) -> str:
    """JSON that no parser of HTML takes for a tag."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_data(policy: Policy, slid: Slid, words: Wording) -> dict[str, Any]:
    """All that the scripts of the page read, but for the text of the new policy's head."""
    found = sliders(policy)
    places = {slider.rule.id: list[int]() for slider in found}
    for at, slider in enumerate(found):
        places[slider.rule.id].append(at)
    ids = [rule.id for rule in policy.rules]
    return {
        "words": _words(words),
        "sliders": [
            {**_slider(policy, one), "rule": ids.index(one.rule.id), "marks": marks}
            for one, marks in zip(found, slid.prompts or [None] * len(found), strict=True)
        ],
        "rules": [
            {
                "id": rule.id,
                "about": about_in_words(rule, policy, words),
                "blocks": rule.severity != "warn",
                "joins": joins(rule),
                "sliders": places[rule.id],
            }
            for rule in policy.rules
        ],
        "pairs": at_odds(policy, found),
        "tier": policy.tier,
        "labelled": any(audit["label"] for audit in slid.audits),
        "audits": slid.audits,
        **slid.texts,
        "broken": [
            f"{entry.short} {entry.finished} {excerpt(entry.model, 60)}" for entry, _ in slid.broken
        ],
    }


def _slider(policy: Policy, slider: Slider) -> dict[str, Any]:
    return {
        "side": slider.side,
        "key": slider.key,
        "unit": slider.rule.unit,
        "start": slider.start,
        "values": slider.values,
        "allowed": allowed(policy, slider),
    }


def _words(words: Wording) -> dict[str, str]:
    """The page's texts, by key without what stands before the first dot; units with it."""
    own = {key: text for key, text in words.texts.items() if isinstance(text, str)}
    return {
        **{key.partition(".")[2]: own[key] for key in own if key.startswith("workbench.")},
        **{key: own[key] for key in own if key.startswith("unit.")},
        **{key.partition(".")[2]: own[key] for key in _ALSO},
    }


def _head(policy: Policy, file: Path, out: Path, words: Wording) -> str:
    """The lines of the new policy above its rules."""
    base = Base(policy=policy, name=str(file), file=file)
    made = words("workbench.yaml_made", policy=excerpt(f"{policy.id} {policy.version}"))
    return (
        f"# {made}\nschema: gatekeeper/policy/v1\nid: {policy.id}-slid\n"
        f'version: "1.0"\nextends: {extends_text(base, out)}\n'
    )
