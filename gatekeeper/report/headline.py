"""The headline of a verdict in the words of a report, with the waivers that belong to it."""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.records.policy import Waiver
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.parts import Headline
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

#: Headline -> the result whose sign and colour it takes.
_TONES: Mapping[str, str] = {
    "passed": "pass",
    "passed by exception": "waived",
    "inconclusive": "inconclusive",
    "failed on warnings": "fail",
    "failed": "fail",
}


def build_headline(verdict: Verdict, words: Wording) -> Headline:
    """What every format says first; a pass by exception never without who approved it."""
    word, waivers = words(f"decision.{verdict.headline}"), _waivers(verdict, words)
    line = word
    if verdict.headline == "passed by exception":
        line = words(
            "decision.excepted", decision=word, waivers=words("number.semicolon").join(waivers)
        )
    return Headline(word=word, tone=_TONES[verdict.headline], line=line, waivers=waivers)


def _waivers(verdict: Verdict, words: Wording) -> tuple[str, ...]:
    """A line for each approver and last day: which rules are waived."""
    rules: dict[tuple[str, str], list[str]] = {}
    for outcome in verdict.waived:
        rules.setdefault(_terms(outcome.waiver, words), []).append(clean(outcome.rule.id, 80))
    return tuple(
        words(
            "waiver.line" if approver else "waiver.line_unknown",
            rules=words.enumerate(ids),
            expires=expires,
            approver=approver,
        )
        for (approver, expires), ids in rules.items()
    )


def _terms(waiver: Waiver | None, words: Wording) -> tuple[str, str]:
    """Who approved, until when; nothing of a verdict written before that was kept."""
    return ("", "") if waiver is None else (clean(waiver.approver, 80), words.day(waiver.expires))
