"""Accepted exceptions: one rule, one checkpoint, two people, a last day."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from gatekeeper.errors import excerpt
from gatekeeper.policy.limit_check import TOLERANCE
from gatekeeper.records.finding import Missing
from gatekeeper.records.policy import Waiver
from gatekeeper.records.verdict import RuleOutcome

#: As the schema has it for waivers.
_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+'-]*@[A-Za-z0-9][A-Za-z0-9.-]*")
_SIGNS = re.compile(r"[^a-z0-9]")


def apply_waivers(
    outcome: RuleOutcome,
    waivers: Sequence[Waiver],
    checkpoint: str,
    today: date,
    disputed: Callable[[float, bool], bool],
    longest: int | None = None,
) -> tuple[RuleOutcome, tuple[str, ...]]:
    """The outcome, waived if a waiver covers it, and why waivers for it do not count.

    A waiver covers a rule that was measured on all its subjects and did not pass: a fail, and also
    an interval that straddles the limit, which is nearer to a pass than the fail it would cover.
    What could not be measured is never waived.

    Args:
        disputed: whether a second judge sees a number of the rule otherwise, or replies that no
            judge could tell may move it there, given the worst number that is waived and whether
            that is the largest (else the smallest).
        longest: days that a waiver may run from today; None for any number.
    """
    if outcome.result == "pass":
        return outcome, ()
    notes: list[str] = []
    for waiver in waivers:
        if waiver.rule != outcome.rule.id:
            continue
        reason = too_long(waiver, today, longest) or why_void(
            waiver, outcome, checkpoint, today, disputed
        )
        if reason is None:
            ticket = f" ({excerpt(waiver.ticket)})" if waiver.ticket else ""
            text = (
                f"{outcome.explanation} Waived until {waiver.expires.isoformat()}, approved by "
                f"{excerpt(waiver.approver)}{ticket}: {waiver.reason}"
            )
            waived = replace(
                outcome,
                result="waived",
                explanation=text,
                more_prompts=None,
                obstacle=None,
                waiver=waiver,
            )
            return waived, (f"rule {waiver.rule} is waived until {waiver.expires.isoformat()}",)
        place = f" (waivers file, line {waiver.line})" if waiver.separate else ""
        notes.append(f"the waiver for rule {waiver.rule}{place} does not count: {reason}")
    return outcome, tuple(notes)


def why_void(
    waiver: Waiver,
    outcome: RuleOutcome,
    checkpoint: str,
    today: date,
    disputed: Callable[[float, bool], bool],
) -> str | None:
    """Why a waiver does not cover an outcome of its rule, or None if it does."""
    if waiver.checkpoint != checkpoint:
        return f"it is for another checkpoint, {excerpt(waiver.checkpoint)[:19]}…"
    return void_for_all(waiver, today) or _not_covered(waiver, outcome, disputed)


def too_long(waiver: Waiver, today: date, longest: int | None) -> str | None:
    """Why a waiver runs longer than a policy allows, or None if it does not."""
    days = (waiver.expires - today).days
    if longest is None or days <= longest:
        return None
    return f"it ends in {days} days, and the policy allows {longest}"


def void_for_all(waiver: Waiver, today: date) -> str | None:
    """Why a waiver covers nothing, whatever was measured; None if it may cover something."""
    if today > waiver.expires:
        return f"it expired on {waiver.expires.isoformat()}"
    if waiver.issued is not None and today < waiver.issued:
        return f"it is issued from {waiver.issued.isoformat()} on"
    if not two_people(waiver):
        return "owner and approver must be two people, each with an e-mail address"
    return None


def _not_covered(
    waiver: Waiver, outcome: RuleOutcome, disputed: Callable[[float, bool], bool]
) -> str | None:
    """Why the numbers are not what was waived, or None if they are."""
    ceiling, floor = waiver.not_above, waiver.not_below
    for worst, upper in ((ceiling, True), (floor, False)):
        if worst is not None and disputed(worst, upper):
            return (
                "the judges disagree on the number, or could not tell enough of its replies, so "
                f"nothing shows that it is {'below' if upper else 'above'} {worst:g}"
            )
    for finding in (outcome.decisive, *outcome.others):
        if isinstance(finding, Missing):
            return "not everything the rule asks about could be measured"
        if ceiling is not None and finding.interval.high > ceiling + TOLERANCE:
            high = f"{finding.interval.high:.1f}"
            return f"the interval reaches {high} {finding.unit}, above its {ceiling:g}"
        if floor is not None and finding.interval.low < floor - TOLERANCE:
            low = f"{finding.interval.low:.1f}"
            return f"the interval reaches {low} {finding.unit}, below its {floor:g}"
    return None


def two_people(waiver: Waiver) -> bool:
    """Whether someone other than the owner approved, as far as two e-mail addresses can tell.

    Only plain ASCII addresses count: with other letters, two spellings of one name cannot be told
    from two names. They are compared without case, without punctuation, and without what follows a
    plus sign, all of which mail services overlook.
    """
    owner, approver = _mailbox(waiver.owner), _mailbox(waiver.approver)
    return owner is not None and approver is not None and owner != approver


def _mailbox(name: str) -> tuple[str, str] | None:
    """Local part and domain as compared; None if it is no plain address."""
    if not _ADDRESS.fullmatch(name):
        return None
    local, _, domain = name.lower().rpartition("@")
    return _SIGNS.sub("", local.partition("+")[0]), domain.rstrip(".")
