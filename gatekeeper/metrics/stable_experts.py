"""How many experts are stably tied to refusing."""

from __future__ import annotations

import numpy as np

from gatekeeper.analysis.folds import worse_fold
from gatekeeper.analysis.intervals import normal_quantile
from gatekeeper.analysis.selected import (
    missing_selection,
    selection_of,
    selection_seeds,
    selector_subjects,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric

_ID, _VERSION = "stable-experts", 1


def _measure(evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
    """Experts whose selection probability reaches the selector's threshold.

    The interval counts those that stay above it, and all that could come above it, when each π̂ is
    moved by z standard errors √(π̂(1 − π̂)/R): the noise of R resamples, not that of other prompts.
    """
    selection = selection_of(evidence, subject.selector)
    if selection is None:
        return missing_selection(_ID, _VERSION, evidence, subject)
    probability = np.array([ranked.probability for ranked in selection.ranked])
    draws = max(selection.resamples, 1)
    error = np.sqrt(np.maximum(probability * (1 - probability), 1 / draws) / draws)
    # No resample chose it, or all did: nothing to be moved by, as at a threshold of 1.
    error[(probability == 0) | (probability == 1)] = 0.0
    reach = normal_quantile(confidence) * error
    stable = int((probability >= selection.threshold).sum())
    return Finding(
        metric=_ID,
        version=_VERSION,
        subject=subject,
        value=float(stable),
        unit="experts",
        interval=Interval(
            low=float((probability - reach >= selection.threshold).sum()),
            high=float((probability + reach >= selection.threshold).sum()),
            confidence=confidence,
            method="binomial noise of the resamples",
        ),
        n=selection_seeds(evidence),
        clusters=selection_seeds(evidence),
        counts={
            "resamples": selection.resamples,
            "experts": len(selection.ranked),
            **({} if selection.error_bound is None else {"false_at_most": selection.error_bound}),
        },
    )


METRIC = Metric(
    id=_ID,
    version=_VERSION,
    title="Stable safety-critical experts",
    unit="experts",
    higher_is_worse=True,
    parameters=("selector",),
    required=(),
    sentence="the number of experts that {selector} ties stably to refusing",
    takes="resamples of each selector's choice (gatekeeper audit --resamples)",
    subjects=selector_subjects,
    measure=worse_fold(_measure, higher_is_worse=True),
    split="selection",
)
