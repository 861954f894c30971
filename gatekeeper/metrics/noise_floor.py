"""How often a reply's outcome changes although nothing was masked."""

from __future__ import annotations

import numpy as np

from gatekeeper.analysis.noise import flips
from gatekeeper.analysis.outcomes import outcome_table
from gatekeeper.analysis.paired import scaled, share
from gatekeeper.analysis.second_judge import Term, columns_of, opinion
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Opinion, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.suite import SETS
from gatekeeper.records.trial import AGAIN

_ID, _VERSION = "noise-floor", 1


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Share of a set's prompts with another outcome in a second unmasked run.

    The second run has batches of another size, so that sums are taken in another order. What
    flips there flips for no reason that a mask could have: no smaller drop means anything.
    """
    name = subject.set or "regular"
    flipped = flips(evidence, name)
    if flipped is None:
        return Missing(
            metric=_ID,
            version=_VERSION,
            subject=subject,
            reason=f"the set {name} was not run twice without a mask",
        )
    estimate = share(flipped, outcome_table(evidence).set_seeds(name), confidence)
    if isinstance(estimate, str):
        return Missing(metric=_ID, version=_VERSION, subject=subject, reason=estimate)
    return Finding(
        metric=_ID,
        version=_VERSION,
        subject=subject,
        value=estimate.value * 100,
        unit="%",
        interval=scaled(estimate.interval),
        n=estimate.n,
        clusters=estimate.clusters,
        counts={"flips": int(np.sum(flipped))},
    )


def _second(evidence: Evidence, subject: Subject, confidence: float) -> Opinion | str:
    """The same by the second judge."""
    name = subject.set or "regular"
    if flips(evidence, name) is None:
        return f"the set {name} was not run twice without a mask"
    at = columns_of(evidence, name)
    term = Term(
        mask=AGAIN.name,
        columns=at,
        weight=1 / len(at),
        count=lambda before, after: (before != after).astype(np.float64),
    )
    return opinion(evidence, [term], confidence, low=0, high=100)


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Noise floor",
    unit="%",
    higher_is_worse=True,
    parameters=("set",),
    required=(),
    sentence="the share of {set} prompts whose outcome changes between two runs without a mask",
    takes="the prompts run twice without a mask, as every audit does",
    subjects=lambda evidence: tuple(
        Subject(set=name) for name in SETS if flips(evidence, name) is not None
    ),
    measure=_measure,
    second=_second,
    counts="shares",
)
