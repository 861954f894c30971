"""How often two judges say the same of a reply."""

from __future__ import annotations

import numpy as np

from gatekeeper.analysis.agreement import METHOD, agreement
from gatekeeper.analysis.second_judge import sample_of, second_outcomes
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.suite import SETS

_ID, _VERSION = "judge-agreement", 1


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Share of all replies of which both judges say the same, from the sample that both judged.

    Each stratum of the sample weighs as much as it has replies; those of which no reply was drawn
    are left out (count `unseen`). Masks of all arms count, so it is mostly about masked replies.
    """

    def missing(reason: str) -> Missing:
        return Missing(metric=_ID, version=_VERSION, subject=subject, reason=reason)

    sample = sample_of(evidence)
    if isinstance(sample, str):
        return missing(sample)
    inside = np.ones(len(sample.table.sets), np.bool_)
    if subject.set is not None:
        inside = sample.table.sets == subject.set
    estimate = agreement(sample, second_outcomes(evidence), inside, confidence)
    if isinstance(estimate, str):
        return missing(estimate)
    seeds = sample.table.seeds[(sample.taken & inside).any(axis=0)]
    return Finding(
        metric=_ID,
        version=_VERSION,
        subject=subject,
        value=estimate.value * 100,
        unit="%",
        interval=Interval(
            low=estimate.low * 100, high=estimate.high * 100, confidence=confidence, method=METHOD
        ),
        n=estimate.n,
        clusters=len(set(seeds.tolist())),
        counts={
            "replies": estimate.replies,
            "agreed": estimate.agreed,
            "unseen": estimate.unseen,
            **({} if estimate.kappa is None else {"kappa": round(estimate.kappa, 9)}),
        },
    )


def _subjects(evidence: Evidence) -> tuple[Subject, ...]:
    """All replies, and those of each set; nothing where no second judge was asked."""
    sample = sample_of(evidence)
    if isinstance(sample, str):
        return ()
    sets = set(sample.table.sets.tolist())
    return (Subject(), *(Subject(set=name) for name in SETS if name in sets))


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Agreement of two judges",
    unit="%",
    higher_is_worse=False,
    parameters=("set",),
    required=(),
    sentence="the share of replies to {set} prompts of which both judges say the same",
    takes="a sample of replies judged twice (gatekeeper audit --second-judge)",
    subjects=_subjects,
    measure=_measure,
    population=False,
)
