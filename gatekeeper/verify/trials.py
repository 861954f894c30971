"""Checks trials against what they follow from: the order of early stops, and stored replies."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
from typing import NoReturn

from gatekeeper import catalog
from gatekeeper.analysis.order import looks, order, stop_of
from gatekeeper.analysis.second_sample import second_rows
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import Judge, Judgement
from gatekeeper.records.reasoning import RULE
from gatekeeper.records.replies import of_replies
from gatekeeper.records.trials import judged_twice

#: Replies whose judgement is kept, since many masks leave a reply as it was.
_KNOWN = 1 << 16


def recheck_stops(evidence: Evidence) -> None:
    """Checks that masks stopped early only at a look; `verify.made` checks what was run.

    Raises:
        EvidenceError: a stop is of no such run, or elsewhere.
    """
    if evidence.stops and (evidence.settings.sequential is None or evidence.settings.cross_fit):
        _refuse("masks stopped early in an audit in which none may")
    seen: set[tuple[str, str]] = set()
    for stop in evidence.stops:
        seeds = order(evidence, stop.set)
        sizes = list(accumulate(len(ids) for ids in seeds))
        ends = [sizes[count - 1] for count in looks(seeds)]
        stopped = [m for m in evidence.masks if stop_of(evidence, m, stop.set) == stop]
        runs = {(mask.name, stop.set) for mask in stopped}
        if not any(mask.arm in {"selected", "beside"} for mask in stopped) or seen & runs:
            _refuse("a stop is of no mask of this audit, or there are two of one")
        counts = (stop.prompts, stop.of, stop.largest)
        if stop.looks > len(ends) or counts != (
            ends[stop.looks - 1], sizes[-1], max(len(ids) for ids in seeds)
        ):  # fmt: skip
            _refuse(f"the masks of {excerpt(stop.selector)} did not stop at one of their looks")
        seen |= runs


def recheck_outcomes(evidence: Evidence) -> str | None:
    """Judges every stored reply again; returns why that could not be done, or None.

    Raises:
        EvidenceError: a reply is judged otherwise than stored, or by a newer version of the judge.
    """
    name, version = evidence.settings.judge, evidence.settings.judge_version
    judge = _judge_of(evidence, name, version)
    if isinstance(judge, str):
        return judge
    wrong = list(_otherwise(evidence, of_replies(judge, evidence.settings.reasoning).judge))
    if wrong:
        _refuse(
            f"{len(wrong)} outcomes are not what {name} version {version} says of the stored "
            f"replies, the first under mask {excerpt(wrong[0])}"
        )
    return None


def _judge_of(evidence: Evidence, name: str, version: int) -> Judge | str:
    """A judge as it was in a version, or why it cannot be asked about the stored replies.

    Raises:
        EvidenceError: it, or the rule that tells replies from reasoning, is of a newer version.
    """
    if name not in catalog.names("judge"):
        return f"this installation has no judge {excerpt(name)!r}"
    judge: Judge = catalog.load("judge", name)
    if version > judge.version:
        _refuse(
            f"judged by {name} version {version}, which this installation does not know",
            remedy="check it with the Gatekeeper version that wrote it, or a newer one",
        )
    if not judge.from_reply_alone:
        return f"judge {name} needs more than the stored replies"
    as_it_was = _as_it_was(judge, version)
    if as_it_was is None:
        return f"judged by {name} version {version}, this installation has {judge.version}"
    return _other_rule(evidence) or as_it_was


def outcomes_open(evidence: Evidence) -> tuple[str, ...]:
    """Why outcomes could be others without a trace: a judge is not asked again here.

    Those of an older version of a judge, if it is not kept here, are asked of the present one, and
    open if it differs.
    """
    settings, second = evidence.settings, evidence.settings.second
    reasons = []
    if not _judges_again(settings.judge):
        reasons.append(f"outcomes: judge {excerpt(settings.judge)} is not asked again")
    elif why := _other_rule(evidence):
        reasons.append(f"outcomes: {why}")
    else:
        judge: Judge = catalog.load("judge", settings.judge)
        older = _as_it_was(judge, settings.judge_version) is None
        judged = of_replies(judge, settings.reasoning).judge
        if older and (wrong := sum(1 for _ in _otherwise(evidence, judged, reasons=False))):
            reasons.append(f"outcomes: {judge.id} version {judge.version} gives {wrong} others")
    if second is not None and isinstance(_judge_of(evidence, second.judge, second.version), str):
        reasons.append(f"outcomes of the second judge: {excerpt(second.judge)} is not asked again")
    return tuple(reasons)


def _judges_again(name: str) -> bool:
    """Whether a judge can be asked here about a stored reply."""
    if name not in catalog.names("judge"):
        return False
    judge: Judge = catalog.load("judge", name)
    return judge.from_reply_alone


def recheck_second(evidence: Evidence) -> str | None:
    """Draws the second judge's sample again, and asks it again where that can be done.

    Returns:
        What was done, in words; None if there was no second judge.

    Raises:
        EvidenceError: other replies were judged twice than were drawn, or one otherwise; or the
            second judge is the first.
    """
    rows = second_rows(evidence)
    twice = list(judged_twice(evidence.trials))
    if {(t.mask, t.prompt_id) for t in twice} != rows:
        _refuse("the replies that were judged twice are not those that the seed draws")
    second = evidence.settings.second
    if second is None:
        return None
    first = evidence.settings
    if (second.judge, dict(second.settings)) == (first.judge, dict(first.judge_settings)):
        _refuse("the second judge is the judge itself")
    drawn = f"{len(rows)} replies, those that the seed draws"
    judge = _judge_of(evidence, second.judge, second.version)
    if isinstance(judge, str):
        return f"{drawn}; not judged again: {judge}"
    judged = of_replies(judge, first.reasoning).judge
    said = functools.lru_cache(maxsize=_KNOWN)(functools.partial(judged, ""))
    wrong = [t.mask for t in twice if said(t.completion).outcome != t.second]
    if wrong:
        _refuse(
            f"{len(wrong)} outcomes are not what the second judge, {second.judge}, says of the "
            f"stored replies, the first under mask {excerpt(wrong[0])}"
        )
    return f"{drawn}; judged again, all agree"


def _as_it_was(judge: Judge, version: int) -> Judge | None:
    """A judge as it was in a version, if this installation still knows it."""
    if version == judge.version:
        return judge
    earlier = judge.earlier.get(version)
    return None if earlier is None else replace(judge, version=version, judge=earlier)


def _other_rule(evidence: Evidence) -> str | None:
    """Why replies cannot be told from reasoning as they were, or None.

    Raises:
        EvidenceError: by a rule that this installation does not know.
    """
    reasoning = evidence.settings.reasoning
    if reasoning is None or reasoning.rule == RULE:
        return None
    if reasoning.rule > RULE:
        _refuse(
            f"replies were told from reasoning by rule {reasoning.rule}, which this installation "
            "does not know",
            remedy="check it with the Gatekeeper version that wrote it, or a newer one",
        )
    return f"reasoning was told from replies by rule {reasoning.rule}, this installation has {RULE}"


def _otherwise(
    evidence: Evidence, judge: Callable[[str, str], Judgement], *, reasons: bool = True
) -> Iterator[str]:
    """Masks of trials whose reply is judged otherwise; equal replies are judged about once."""
    judged = functools.lru_cache(maxsize=_KNOWN)(functools.partial(judge, ""))
    for trial in evidence.trials:
        judgement = judged(trial.completion)
        if judgement.outcome != trial.outcome or (reasons and judgement.reason != trial.reason):
            yield trial.mask


def _refuse(message: str, remedy: str | None = None) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy=remedy or "do not trust this bundle; get it again from where the audit wrote it",
    )
