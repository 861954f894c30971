"""How alike a selector's choices are over resamples of the prompts."""

from __future__ import annotations

from gatekeeper.analysis.folds import worse_fold
from gatekeeper.analysis.selected import missing_selection, selection_of, selection_seeds
from gatekeeper.analysis.stability import at_confidence, too_few_resamples
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.plugins import Metric

_ID, _VERSION = "selection-stability", 2


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Nogueira's Φ of the selector: 1 if all resamples choose the same, 0 as if by chance.

    Of fewer than 50 resamples nothing is said (`analysis.stability`).
    """
    selection = selection_of(evidence, subject.selector)
    if selection is None:
        return missing_selection(_ID, _VERSION, evidence, subject)
    if selection.phi is None:
        reason = f"the rule {selection.selector} does not choose from all experts in each resample"
        return Missing(metric=_ID, version=_VERSION, subject=subject, reason=reason)
    few = too_few_resamples(selection.phi)
    if few is not None:
        return Missing(metric=_ID, version=_VERSION, subject=subject, reason=few)
    seeds = selection_seeds(evidence)
    return Finding(
        metric=_ID,
        version=_VERSION,
        subject=subject,
        value=selection.phi.value,
        unit="index",
        interval=at_confidence(selection.phi, confidence),
        n=seeds,
        clusters=seeds,
        counts={"resamples": selection.phi.resamples, "size": selection.size},
    )


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Stability of the selection (Φ)",
    unit="index",
    higher_is_worse=False,
    parameters=("selector",),
    required=(),
    sentence="how alike the choices of {selector} are over resamples (Φ, 1 if all agree)",
    takes="resamples of each selector's choice (gatekeeper audit --resamples)",
    subjects=lambda evidence: tuple(
        Subject(selector=name)
        for name in dict.fromkeys(s.selector for s in evidence.selections if s.phi is not None)
    ),
    measure=worse_fold(_measure, higher_is_worse=False),
    split="selection",
)
