"""Stability-based Expert Selection by paired contrast, with a bound on false selections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatekeeper.analysis.ranking import (
    MINIMUM_SEEDS,
    FloatArray,
    Scored,
    groups_of,
    order_by,
    selection,
)
from gatekeeper.analysis.resampling import (
    false_selection_bound,
    half_sample_weights,
    selection_probability,
)
from gatekeeper.analysis.seeds import existing, frequency_by_seed
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.selection import Selection

_ID, _VERSION, _WINDOW = "ses-contrast", 1, "decision"
_THRESHOLD = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contrast:
    """Regular minus another set over half-samples.

    Attributes:
        probability: π̂ [X]; mean: the contrast on all seeds [X].
        paired: whether both sets share seeds, so that differences are within a seed.
    """

    probability: FloatArray
    mean: FloatArray
    paired: bool
    seeds: int


def _contrast(given: SelectionInput, other: str) -> _Contrast | None:
    """Contrast with another set: paired by seed where enough seeds carry both, else unpaired."""
    left, regular = frequency_by_seed(given, "regular", _WINDOW)
    right, against = frequency_by_seed(given, other, _WINDOW)
    shared = sorted(set(left) & set(right))
    paired = len(shared) >= MINIMUM_SEEDS
    if not paired and min(len(left), len(right)) < MINIMUM_SEEDS:
        return None
    if paired:
        regular = regular[[left.index(s) for s in shared]]
        against = against[[right.index(s) for s in shared]]
    first = half_sample_weights(len(regular), given.resamples, given.seed)
    second = first
    if not paired:
        second = half_sample_weights(len(against), given.resamples, given.seed + 1)
    slots = existing(given)
    probability = selection_probability(
        lambda rows: np.where(slots, first[rows] @ regular - second[rows] @ against, -np.inf),
        len(first),
        regular.shape[1],
        given.size,
    )
    mean = regular.mean(axis=0) - against.mean(axis=0)
    return _Contrast(probability=probability, mean=mean, paired=paired, seeds=len(regular))


def _notes(detection: _Contrast, control: _Contrast | None) -> list[str]:
    notes = [
        "The bound on false selections presumes that experts outside the truth are exchangeable.",
        "Regular and benign prompts are compared "
        + ("within seeds (benign twins)." if detection.paired else "as groups: no benign twins."),
    ]
    if control is None:
        notes.append("Too few jailbreak seeds: no expert could be told to be HRCG.")
    return notes


def _select(given: SelectionInput) -> Selection | str:
    """Top q by the contrast of activation frequency at the last prompt tokens, over half-samples.

    HCDG: stable in Regular − benign twin. HRCG: stable in Regular − Jailbreak. Ranked by the larger
    of the two π̂, then by the larger contrast. Half-samples as in Shah & Samworth (2013); the bound
    as in Meinshausen & Bühlmann (2010).
    """
    detection = _contrast(given, "benign")
    control = _contrast(given, "jailbreak")
    if detection is None:
        return "too few regular or benign seeds in the selection split"
    probability, mean = detection.probability, detection.mean
    in_control = np.zeros(len(mean), dtype=np.bool_)
    if control is not None:
        probability = np.maximum(probability, control.probability)
        mean = np.maximum(mean, control.mean)
        in_control = control.probability >= _THRESHOLD
    score = np.where(existing(given), mean, -np.inf)
    scored = Scored(
        score=score,
        probability=probability,
        order=order_by(probability, score),
        groups=groups_of(detection.probability >= _THRESHOLD, in_control),
    )
    counted = {"regular": detection.seeds, "jailbreak": control.seeds if control else 0}
    return selection(
        given,
        scored,
        selector=_ID,
        version=_VERSION,
        window=_WINDOW,
        prompts=counted,
        resamples=given.resamples + given.resamples % 2,
        threshold=_THRESHOLD,
        error_bound=false_selection_bound(given.size, _THRESHOLD, int(existing(given).sum())),
        notes=_notes(detection, control),
    )


SELECTOR = Selector(
    id=_ID,
    version=_VERSION,
    title="SES by paired contrast",
    needs_attribution=False,
    select=_select,
)
