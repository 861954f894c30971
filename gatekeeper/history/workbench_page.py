"""One self-contained page on which limits are slid over past audits."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from gatekeeper.bundled import bundled
from gatekeeper.errors import excerpt
from gatekeeper.history.workbench import Slid
from gatekeeper.policy.in_words import wording
from gatekeeper.policy.new import Base, extends_text
from gatekeeper.policy.workbench.page_data import limits_data, page_words
from gatekeeper.records.policy import Policy
from gatekeeper.report.one_file import one_file
from gatekeeper.report.wording import Wording

#: In this order: each uses what stands in those before it.
_SCRIPTS = ("verdicts.js", "words.js", "sliders.js", "audits.js", "page.js")


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
    filled = {"lang": lang, "title": escape(title), "noscript": escape(words("workbench.noscript"))}
    shell = (folder / "page.html").read_text(encoding="utf-8")
    return one_file(shell, style, (script,), data, filled)


def page_data(policy: Policy, slid: Slid, words: Wording) -> dict[str, Any]:
    """All that the scripts of the page read, but for the text of the new policy's head."""
    return {
        "words": page_words(words),
        **limits_data(policy, slid.prompts, words),
        "tier": policy.tier,
        "labelled": any(audit["label"] for audit in slid.audits),
        "audits": slid.audits,
        **slid.texts,
        "broken": [
            f"{entry.short} {entry.finished} {excerpt(entry.model, 60)}" for entry, _ in slid.broken
        ],
    }


def _head(policy: Policy, file: Path, out: Path, words: Wording) -> str:
    """The lines of the new policy above its rules."""
    base = Base(policy=policy, name=str(file), file=file)
    made = words("workbench.yaml_made", policy=excerpt(f"{policy.id} {policy.version}"))
    return (
        f"# {made}\nschema: gatekeeper/policy/v1\nid: {policy.id}-slid\n"
        f'version: "1.0"\nextends: {extends_text(base, out)}\n'
    )
