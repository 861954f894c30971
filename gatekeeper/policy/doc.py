"""A policy as a page of Markdown: for a wiki, a repository's docs, or an auditor's binder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from gatekeeper.policy.decide_rules import CONFIDENCE
from gatekeeper.policy.in_words import (
    RuleInWords,
    changes_in_words,
    own_words,
    rules_in_words,
    tier_in_words,
    waivers_in_words,
    wording,
)
from gatekeeper.policy.needs_in_words import needs_in_words
from gatekeeper.records.policy import Policy
from gatekeeper.report.wording import Wording

#: What Markdown takes for more than the sign it is.
_SIGNS = re.compile(r"([\\`*_<>|\[\]#~$&])")


def page(policy: Policy, today: date, lang: str = "en") -> str:
    """The page; the same policy, day and language give the same text.

    Args:
        today: tells which waivers have expired.
        lang: one of `in_words.languages`.

    Raises:
        UsageError: there is no such language.
    """
    words = wording(lang)
    rules = rules_in_words(policy, words)
    changes = [f"- {_text(change)}" for change in changes_in_words(policy, words)]
    lines = [
        f"# {_text(policy.title)}",
        "",
        *_facts(policy, words),
        *(line for text in own_words(words) for line in ("", _text(text))),
        *(_head("about", words) if policy.about else ()),
        *(f"- {_text(text)}" for text in policy.about),
        *(_head("changes", words) if changes else ()),
        *changes,
        *_head("rules", words, words("doc.rules_lead", confidence=f"{100 * CONFIDENCE:g}")),
        *_table(rules, words),
        *_head("behind", words),
        *_behind(rules, words),
        *_head("needs", words, words("doc.needs_lead")),
        *(f"- {_text(need)}" for need in needs_in_words(policy, words)),
        *_head("waivers", words),
        *_waivers(policy, today, words),
    ]
    return "\n".join(lines) + "\n"


def _head(key: str, words: Wording, lead: str = "") -> Iterator[str]:
    yield from ("", f"## {words(f'doc.{key}')}", "")
    if lead:
        yield from (lead, "")


def _facts(policy: Policy, words: Wording) -> Iterator[str]:
    day = policy.review_by
    rows = (
        (words("doc.name"), policy.id + " " + policy.version + tier_in_words(policy, words)),
        (words("doc.owner"), policy.owner),
        (words("doc.review"), words("doc.no_review") if day is None else day.isoformat()),
        (words("doc.digest"), policy.digest),
    )
    yield from _rows(("", words("doc.facts")), rows)


def _table(rules: Sequence[RuleInWords], words: Wording) -> Iterator[str]:
    head = [words(f"doc.col_{key}") for key in ("rule", "what", "limit", "severity", "takes")]
    none = words("doc.none_needed")
    rows = [(r.rule.id, r.about, r.limit, r.severity, r.takes or none) for r in rules]
    yield from _rows(head, rows)


def _behind(rules: Sequence[RuleInWords], words: Wording) -> Iterator[str]:
    for told in rules:
        rule = told.rule
        why = words("doc.origin", text=rule.rationale) if rule.rationale else ""
        yield from (f"### {_text(rule.id)}", "", _text(told.sentence), "")
        yield f"- {_text(why or words('doc.no_origin'))}"
        if rule.remedy:
            yield f"- {_text(words('doc.remedy', text=rule.remedy))}"
        if rule.controls:
            yield f"- {_text(words('doc.controls', text=', '.join(rule.controls)))}"
        if told is not rules[-1]:
            yield ""


def _waivers(policy: Policy, today: date, words: Wording) -> Iterator[str]:
    told = [_text(text) for _, text in waivers_in_words(policy, today, words)]
    yield from (f"- {text}" for text in told) if told else (words("doc.no_waivers"),)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_text, row))} |"


def _text(text: str) -> str:
    """Text as Markdown that shows it, whoever wrote it."""
    return _SIGNS.sub(r"\\\1", text)
