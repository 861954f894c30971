"""Stability-based Expert Selection by paired contrast, with a bound on false selections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatekeeper.analysis import bounds
from gatekeeper.analysis.ranking import (
    MINIMUM_SEEDS,
    BoolArray,
    FloatArray,
    Scored,
    groups_of,
    order_by,
    selection,
    sensitivity,
)
from gatekeeper.analysis.resampling import Resampled, half_samples, resample
from gatekeeper.analysis.seeds import existing, frequency_by_seed
from gatekeeper.analysis.stability import phi
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.selection import Selection

_ID, _VERSION, _WINDOW = "ses-contrast", 2, "decision"
_THRESHOLD = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contrast:
    """Regular minus another set.

    Attributes:
        regular, against: frequencies per seed [S, X]; of the same seeds if `paired`.
    """

    regular: FloatArray
    against: FloatArray
    paired: bool

    def resampled(self, inputs: SelectionInput, size: int, draws: int) -> Resampled:
        """Complementary half-samples; of the same seeds in both sets where they are paired."""
        if self.paired:
            terms = [half_samples(self.regular - self.against, draws, inputs.seed)]
        else:
            terms = [
                half_samples(self.regular, draws, inputs.seed),
                half_samples(self.against, draws, inputs.seed + 1, sign=-1),
            ]
        return resample(terms, draws + draws % 2, existing(inputs), size, block=2)

    def mean(self) -> FloatArray:
        """The contrast on all seeds [X]."""
        return np.asarray(self.regular.mean(axis=0) - self.against.mean(axis=0))


def _contrast(inputs: SelectionInput, other: str, window: str) -> _Contrast | None:
    """Contrast with another set: paired by seed where enough seeds carry both, else unpaired."""
    left, regular = frequency_by_seed(inputs, "regular", window)
    right, against = frequency_by_seed(inputs, other, window)
    shared = sorted(set(left) & set(right))
    paired = len(shared) >= MINIMUM_SEEDS
    if not paired and min(len(left), len(right)) < MINIMUM_SEEDS:
        return None
    if paired:
        regular = regular[[left.index(s) for s in shared]]
        against = against[[right.index(s) for s in shared]]
    return _Contrast(regular=regular, against=against, paired=paired)


def _notes(detection: _Contrast, control: _Contrast | None) -> list[str]:
    notes = [
        "The bound on false selections presumes that seeds are independent, that experts outside "
        "the truth are exchangeable and that the rule is no worse than guessing; the second bound "
        "presumes unimodal selection probabilities instead of the last two. Neither holds where "
        "the twins of a category differ from its requests by more than harm."
        + (" Both are twice that of one contrast: there are two." if control else ""),
        "Regular and benign prompts are compared "
        + ("within seeds (benign twins)." if detection.paired else "as groups: no benign twins."),
    ]
    if control is None:
        notes.append("Too few jailbreak seeds: no expert could be told to be HRCG.")
    return notes


def _select(inputs: SelectionInput) -> Selection | str:
    """Top q by the contrast of activation frequency at the last prompt tokens, over half-samples.

    HCDG: stable in Regular − benign twin. HRCG: stable in Regular − Jailbreak. Ranked by the larger
    of the two π̂, then by the larger contrast. Half-samples as in Shah & Samworth (2013); the bound
    as in Meinshausen & Bühlmann (2010), once for each contrast.
    """
    window = inputs.window or _WINDOW
    detection = _contrast(inputs, "benign", window)
    control = _contrast(inputs, "jailbreak", window)
    if detection is None:
        return (
            "too few regular or benign seeds in the selection split, "
            f"{MINIMUM_SEEDS} of each are needed"
        )
    contrasts = [detection] if control is None else [detection, control]
    resampled = [c.resampled(inputs, inputs.size, inputs.resamples) for c in contrasts]
    probability = np.maximum.reduce([f.probability for f in resampled])
    mean = np.maximum.reduce([c.mean() for c in contrasts])
    in_control = np.zeros(len(mean), dtype=np.bool_)
    if control is not None:
        in_control = resampled[1].probability >= _THRESHOLD
    score = np.where(existing(inputs), mean, -np.inf)
    scored = Scored(
        score=score,
        probability=probability,
        order=order_by(probability, score),
        groups=groups_of(resampled[0].probability >= _THRESHOLD, in_control),
        phi=min((p for f in resampled if (p := phi(f))), key=lambda p: p.value, default=None),
        error_bound=_times(
            bounds.false_selections(inputs.size, _THRESHOLD, resampled[0].candidates),
            len(resampled),
        ),
        unimodal_bound=_times(
            bounds.false_selections_unimodal(
                inputs.size, _THRESHOLD, resampled[0].candidates, len(resampled[0].chosen) // 2
            ),
            len(resampled),
        ),
        sensitivity=sensitivity(
            inputs, probability >= _THRESHOLD, lambda *how: _stable(inputs, contrasts, *how)
        ),
    )
    counted = {
        "regular": len(detection.regular),
        "jailbreak": len(control.regular) if control else 0,
    }
    return selection(
        inputs,
        scored,
        selector=_ID,
        version=_VERSION,
        window=window,
        prompts=counted,
        resamples=len(resampled[0].chosen),
        threshold=_THRESHOLD,
        notes=_notes(detection, control),
    )


def _stable(inputs: SelectionInput, contrasts: list[_Contrast], size: int, draws: int) -> BoolArray:
    """Which experts are stable in any contrast, at another size or number of resamples."""
    probabilities = (c.resampled(inputs, size, draws).probability for c in contrasts)
    return np.asarray(np.maximum.reduce(list(probabilities)) >= _THRESHOLD, dtype=np.bool_)


def _times(bound: float | None, families: int) -> float | None:
    return None if bound is None else bound * families


SELECTOR = Selector(
    id=_ID,
    version=_VERSION,
    title="SES by paired contrast",
    needs_attribution=False,
    select=_select,
    groups=True,
)
