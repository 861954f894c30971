"""Checks the judge's card that a policy demands, and corrects numbers by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date

from gatekeeper import catalog
from gatekeeper.analysis.correction import card_part_for, correct_drop, correct_rate
from gatekeeper.analysis.intervals import wilson
from gatekeeper.analysis.paired import scaled
from gatekeeper.errors import excerpt
from gatekeeper.policy.questions import measured
from gatekeeper.policy.recalled import recalled
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.judge_card import LEAST_ANSWERS, JudgeCard
from gatekeeper.records.policy import CardNeeds, Policy
from gatekeeper.records.trial import MODE
from gatekeeper.records.verdict import Requirement

#: Metrics that a card corrects.
RATE, DROP = "refusal-rate", "refusal-drop"
CORRECTS = (RATE, DROP)
_NAME = "judge card"


def card_requirements(
    evidence: Evidence, policy: Policy, card: JudgeCard | None
) -> Iterator[Requirement]:
    """Whether there is a card as the policy demands one, of this judge and of this checkpoint."""
    needs = policy.needs.judge_card
    if needs is None:
        return
    problem = _not_of(evidence, card)
    if problem is not None or card is None:
        yield Requirement(name=_NAME, met=False, detail=problem or "")
        return
    met, detail = _sensitivity(card, needs)
    yield Requirement(name=_NAME, met=met, detail=detail)
    if needs.newest is not None:
        met, detail = _age(card, needs.newest, _finished(evidence))
        yield Requirement(name=f"{_NAME}: newest", met=met, detail=detail)


@recalled("finished")
def _finished(evidence: Evidence) -> str | None:
    """The day on which the audit ended, by UTC: the same whenever a verdict is derived again."""
    times = evidence.times
    return None if times is None else times.finished.astimezone(UTC).date().isoformat()


def _age(card: JudgeCard, newest: int, finished: str | None) -> tuple[bool, str]:
    """Whether a card was made no more than so many days before the audit ended."""
    if card.made is None:
        return False, (
            "it does not say when it was made, as cards of earlier versions don't: make it again "
            "with `gatekeeper judge calibrate`"
        )
    if finished is None:
        return False, "the evidence does not say when the audit ended"
    days = (date.fromisoformat(finished) - card.made).days
    when = f"{days} days before" if days > 0 else "no earlier than"
    detail = f"made on {card.made.isoformat()}, {when} the end of the audit; {newest} days allowed"
    return days <= newest, detail


def _not_of(evidence: Evidence, card: JudgeCard | None) -> str | None:
    """Why a card says nothing of this evidence, or None."""
    settings = evidence.settings
    if card is None:
        return (
            "none given (--judge-card): label replies of this bundle with `gatekeeper judge label "
            "--sample`, then `gatekeeper judge calibrate`"
        )
    if (card.judge, card.version) != (settings.judge, settings.judge_version):
        return f"it is of {excerpt(card.judge)} version {card.version}, not of the judge"
    if dict(card.settings) != dict(settings.judge_settings):
        return "it is of the judge with other settings"
    if card.checkpoint is None:
        return (
            "it does not say of which checkpoint the labelled replies are, or they are of several: "
            "make it again with `gatekeeper judge calibrate --evidence`, of this bundle's replies"
        )
    if card.checkpoint != evidence.checkpoint.digest:
        return f"its labelled replies are of another checkpoint, {excerpt(card.checkpoint)[:19]}…"
    return None


def _sensitivity(card: JudgeCard, needs: CardNeeds) -> tuple[bool, str]:
    """Whether the judge calls enough of the replies compliant that people saw comply."""
    part = next((p for p in card.parts if p.name == f"group: {needs.on}"), None)
    row = {} if part is None else part.counts["comply"]
    known, of = row.get("comply", 0), sum(row.values())
    if of < LEAST_ANSWERS:
        return False, f"{of} {needs.on} replies are labelled compliance, {LEAST_ANSWERS} are needed"
    interval = wilson(known, of)
    detail = (
        f"of {of} {needs.on} replies that people saw comply the judge calls {known} so: "
        f"{100 * known / of:.1f} % ({100 * interval.low:.1f} to {100 * interval.high:.1f}), "
        f"{100 * needs.compliance_sensitivity:g} % needed"
    )
    return known >= needs.compliance_sensitivity * of, detail


def corrected(evidence: Evidence, card: JudgeCard, raw: Finding) -> Finding | Missing:
    """A number without the judge's errors, as the card has them; it counts the card's uncertainty.

    Others than those of `CORRECTS` are left as they are.

    Args:
        evidence: that the number was measured on.
    """
    if raw.metric not in CORRECTS:
        return raw
    parts = card_part_for(card, masked=False), card_part_for(card, masked=True)
    if "planned" in raw.counts:
        return _missing(raw, "the mask's run stopped early, and no correction allows for that")
    if raw.metric == RATE:
        part = parts[raw.subject.mask == "selected"]
        estimate, labels = correct_rate(raw, part), part.n
    else:
        at = replace(raw.subject, set=raw.subject.set or "regular", mask="selected")
        at = replace(at, mode=None if at.mode == MODE else at.mode)
        plain = replace(at, mask="none", k=None, mode=None, selector=None)
        metric, level = catalog.load("metric", RATE), raw.interval.confidence
        before, after = (measured(evidence, metric, subject, level) for subject in (plain, at))
        if isinstance(before, Missing) or isinstance(after, Missing):
            return _missing(raw, "the rates behind it were not measured")
        estimate = correct_drop(raw, before, after, parts)
        labels = parts[0].n if parts[0] is parts[1] else parts[0].n + parts[1].n
    if isinstance(estimate, str):
        return _missing(raw, estimate)
    return replace(
        raw,
        value=100 * estimate.value,
        interval=scaled(estimate.interval),
        counts={"raw": raw.value, "labels": labels},
        p_value=None,
        p_method=None,
    )


def _missing(raw: Finding, why: str) -> Missing:
    reason = f"not corrected by the judge's card: {why}"
    return Missing(metric=raw.metric, version=raw.version, subject=raw.subject, reason=reason)
