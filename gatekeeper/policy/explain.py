"""A policy in plain sentences, for those who do not read YAML."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gatekeeper.policy.decide_rules import CONFIDENCE
from gatekeeper.policy.in_words import (
    RuleInWords,
    changes_in_words,
    own_words,
    rules_in_words,
    takes_in_words,
    tier_in_words,
    waivers_in_words,
    wording,
)
from gatekeeper.policy.needs_in_words import needs_in_words
from gatekeeper.records.policy import Policy
from gatekeeper.report.wording import Wording


def explain(policy: Policy, today: date, lang: str = "en") -> str:
    """What a policy asks for, one plain sentence for each rule; ends with a line end.

    Args:
        today: tells which exceptions have expired.
        lang: one of `in_words.languages`.

    Raises:
        UsageError: there is no such language.
    """
    words = wording(lang)
    lines = [
        words(
            "explain.title",
            title=policy.title,
            id=policy.id,
            version=policy.version + tier_in_words(policy, words),
        ),
        words("explain.owner", owner=policy.owner) + _review(policy, words),
        *own_words(words),
        *_about(policy, words),
        *changes_in_words(policy, words),
        "",
        words("explain.needs"),
        *(f"  - {need}" for need in needs_in_words(policy, words)),
        "",
        words("explain.rules", confidence=f"{100 * CONFIDENCE:g}"),
    ]
    for number, rule in enumerate(rules_in_words(policy, words), start=1):
        lines += _rule(number, rule, takes_in_words(rule, policy, words), words)
    return "\n".join((*lines, *_waivers(policy, today, words))) + "\n"


def _review(policy: Policy, words: Wording) -> str:
    day = policy.review_by
    return "" if day is None else words("explain.review", day=day.isoformat())


def _about(policy: Policy, words: Wording) -> Iterator[str]:
    if policy.about:
        yield from ("", words("explain.about"), *(f"  - {text}" for text in policy.about))


def _rule(number: int, told: RuleInWords, takes: str, words: Wording) -> Iterator[str]:
    rule = told.rule
    yield f"  {number}. {rule.id} ({told.severity})"
    yield f"     {told.sentence}"
    if takes:
        yield f"     {takes}"
    if rule.rationale:
        yield f"     {words('explain.why', text=rule.rationale)}"
    if rule.remedy:
        yield f"     {words('explain.remedy', text=rule.remedy)}"
    if rule.controls:
        yield f"     {words('explain.controls', text=', '.join(rule.controls))}"


def _waivers(policy: Policy, today: date, words: Wording) -> Iterator[str]:
    """Exceptions that count, then those that do not, with the reason."""
    told = list(waivers_in_words(policy, today, words))
    for key, counts in (("counts", True), ("void", False)):
        lines = [f"  - {text}" for held, text in told if held == counts]
        if lines:
            yield from ("", words(f"waiver.{key}"), *lines)
