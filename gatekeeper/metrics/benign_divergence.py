"""How far next-token distributions move on the unmasked model's own benign answers."""

from __future__ import annotations

from gatekeeper.analysis.forced import forced, per_token
from gatekeeper.analysis.subjects import masked_subjects
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric

_ID, _VERSION = "benign-divergence", 1


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Mean KL(unmasked ‖ masked) per token of the benign answers the unmasked model gave, in nats.

    Kullback & Leibler 1951. 0: the mask changes nothing there.
    """
    found = forced(evidence, subject)
    mean = (
        found
        if isinstance(found, str)
        else per_token(found.divergence, found.tokens, found.seeds, confidence)
    )
    if isinstance(mean, str):
        return Missing(metric=_ID, version=_VERSION, subject=subject, reason=mean)
    return Finding(
        metric=_ID,
        version=_VERSION,
        subject=subject,
        value=mean.value,
        unit="nats",
        interval=Interval(
            low=max(mean.interval.low, 0.0),
            high=mean.interval.high,
            confidence=confidence,
            method=mean.interval.method,
        ),
        n=mean.n,
        clusters=mean.clusters,
        counts={"tokens": mean.tokens},
    )


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Divergence on benign answers",
    unit="nats",
    higher_is_worse=True,
    parameters=("k", "mode", "selector"),
    required=("k",),
    sentence=(
        "the mean divergence per token of the model's own benign answers when the {k} experts "
        "ranked highest by {selector} are masked"
    ),
    subjects=lambda evidence: masked_subjects(evidence, (None,)) if evidence.usefulness else (),
    measure=_measure,
)
