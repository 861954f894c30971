"""Share of the estimated effect on refusals that few experts carry."""

from __future__ import annotations

from gatekeeper.analysis.concentration import attribution_by_seed, concentration
from gatekeeper.analysis.folds import views, worse_fold
from gatekeeper.analysis.paired import scaled
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.plugins import Metric

_ID, _VERSION = "concentration", 1


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Share of the attributed refusal log-odds that the k foremost experts carry.

    By attribution, on the selection split; one half of it ranks, the other is measured.
    Beside it Gini's coefficient over all experts, as a count.
    """
    scores = attribution_by_seed(evidence)
    value = scores if isinstance(scores, str) else concentration(scores, subject.k or 0, confidence)
    if isinstance(value, str):
        return Missing(metric=_ID, version=_VERSION, subject=subject, reason=value)
    return Finding(
        metric=_ID,
        version=_VERSION,
        subject=subject,
        value=value.share * 100,
        unit="%",
        interval=scaled(value.interval),
        n=value.seeds,
        clusters=value.seeds,
        counts={"gini": round(value.gini, 9)},
    )


def _subjects(evidence: Evidence) -> tuple[Subject, ...]:
    if any(isinstance(attribution_by_seed(view), str) for view in views(evidence)):
        return ()
    return tuple(Subject(k=k) for k in evidence.settings.ks)


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Concentration of the effect",
    unit="%",
    higher_is_worse=True,
    parameters=("k",),
    required=("k",),
    sentence="the share of the estimated effect on refusals that the {k} foremost experts carry",
    takes="the selector attribution (gatekeeper audit --selector attribution)",
    subjects=_subjects,
    measure=worse_fold(_measure, higher_is_worse=True),
    split="selection",
)
