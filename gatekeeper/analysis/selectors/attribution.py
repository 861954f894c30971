"""Experts whose removal would lower the refusal log-odds, by a first-order estimate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatekeeper.analysis import bounds
from gatekeeper.analysis.ranking import (
    FloatArray,
    Scored,
    groups_of,
    order_by,
    selection,
    sensitivity,
)
from gatekeeper.analysis.refused import refused_by_set
from gatekeeper.analysis.resampling import Resampled, half_samples_of_sets, resample
from gatekeeper.analysis.seeds import existing, seed_means
from gatekeeper.analysis.stability import phi
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.selection import Selection

_ID, _VERSION, _WINDOW = "attribution", 3, "prompt"
_THRESHOLD = 0.9


def _resampled(
    inputs: SelectionInput, scores: Sequence[tuple[list[str], FloatArray]], size: int, draws: int
) -> Resampled:
    terms = half_samples_of_sets(scores, draws, inputs.seed)
    return resample(terms, draws + draws % 2, existing(inputs), size, block=2, join=np.maximum)


def _scored(
    inputs: SelectionInput, scores: Sequence[tuple[list[str], FloatArray]]
) -> tuple[Scored, int]:
    """Experts by the larger mean of the sets, and how many half-samples tell how stable that is."""
    resampled = _resampled(inputs, scores, inputs.size, inputs.resamples)
    largest = np.maximum.reduce([values.mean(axis=0) for _, values in scores])
    mean = np.where(existing(inputs), largest, -np.inf)
    stable = (resampled.probability >= _THRESHOLD) & (mean > 0)
    scored = Scored(
        score=mean,
        probability=resampled.probability,
        order=order_by(mean),
        groups=groups_of(np.zeros_like(stable), stable),
        phi=phi(resampled),
        error_bound=bounds.false_selections(inputs.size, _THRESHOLD, resampled.candidates),
        unimodal_bound=bounds.false_selections_unimodal(
            inputs.size, _THRESHOLD, resampled.candidates, len(resampled.chosen) // 2
        ),
        sensitivity=sensitivity(
            inputs,
            stable,
            lambda size, draws: (
                (_resampled(inputs, scores, size, draws).probability >= _THRESHOLD) & (mean > 0)
            ),
        ),
    )
    return scored, len(resampled.chosen)


def _select(inputs: SelectionInput) -> Selection | str:
    """Mean over refused prompts of d(refusal log-odds) / d(gate factor), half-sampled.

    Of regular prompts and of jailbreaks apart; the larger mean counts, as an expert may carry the
    refusals of one set alone.
    The refusal log-odds are those of the first reply token, openings of replies judged refused
    against openings of replies judged complied. Removing an expert takes its gate factor from 1 to
    0, so the derivative at 1 is the first-order loss. Ranked by the mean; π̂ tells how stable the
    rank is. It predicts ablation, and is validated by reroute. The gradient is over all prompt
    tokens, whatever window was asked for.
    """
    profile = inputs.profile
    if profile.attribution is None:
        return profile.attribution_note
    flat = profile.attribution.reshape(len(profile.prompt_ids), -1).astype(np.float64)
    rows = np.flatnonzero(np.isfinite(flat).all(axis=1))
    refused = refused_by_set(inputs.sets[rows], inputs.seeds[rows])
    if isinstance(refused, str):
        return refused
    by_set = [rows[places] for places in refused.rows.values()]
    scores = [seed_means(flat[places], inputs.seeds[places]) for places in by_set]
    scored, resamples = _scored(inputs, scores)
    return selection(
        inputs,
        scored,
        selector=_ID,
        version=_VERSION,
        window=_WINDOW,
        prompts=refused.seeds,
        resamples=resamples,
        threshold=_THRESHOLD,
        notes=[
            profile.attribution_note,
            *filter(None, (refused.note,)),
            "A first-order estimate: experts that back each other up are not seen singly.",
        ],
    )


SELECTOR = Selector(
    id=_ID,
    version=_VERSION,
    title="First-order attribution of the refusal log-odds",
    needs_attribution=True,
    select=_select,
)
