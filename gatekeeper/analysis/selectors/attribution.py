"""Experts whose removal would lower the refusal log-odds, by a first-order estimate."""

from __future__ import annotations

import numpy as np

from gatekeeper.analysis.ranking import MINIMUM_SEEDS, Scored, groups_of, order_by, selection
from gatekeeper.analysis.resampling import (
    false_selection_bound,
    half_sample_weights,
    selection_probability,
)
from gatekeeper.analysis.seeds import existing, seed_means
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.selection import Selection

_ID, _VERSION, _WINDOW = "attribution", 1, "prompt"
_THRESHOLD = 0.9


def _select(given: SelectionInput) -> Selection | str:
    """Mean over refused regular prompts of d(refusal log-odds) / d(gate factor), half-sampled.

    The refusal log-odds are those of the first reply token, openings of replies judged refused
    against openings of replies judged complied. Removing an expert takes its gate factor from 1 to
    0, so the derivative at 1 is the first-order loss. Ranked by the mean; π̂ tells how stable the
    rank is. It predicts ablation, and is validated by reroute.
    """
    profile = given.profile
    if profile.attribution is None:
        return profile.attribution_note
    flat = profile.attribution.reshape(len(profile.prompt_ids), -1).astype(np.float64)
    rows = np.flatnonzero((given.sets == "regular") & np.isfinite(flat).all(axis=1))
    seeds, scores = seed_means(flat[rows], given.seeds[rows])
    if len(seeds) < MINIMUM_SEEDS:
        return f"only {len(seeds)} refused regular seeds in the selection split"
    slots = existing(given)
    weights = half_sample_weights(len(seeds), given.resamples, given.seed)
    probability = selection_probability(
        lambda rows: np.where(slots, weights[rows] @ scores, -np.inf),
        len(weights),
        flat.shape[1],
        given.size,
    )
    mean = np.where(slots, scores.mean(axis=0), -np.inf)
    stable = (probability >= _THRESHOLD) & (mean > 0)
    scored = Scored(
        score=mean,
        probability=probability,
        order=order_by(mean),
        groups=groups_of(np.zeros_like(stable), stable),
    )
    return selection(
        given,
        scored,
        selector=_ID,
        version=_VERSION,
        window=_WINDOW,
        prompts={"regular": len(seeds)},
        resamples=len(weights),
        threshold=_THRESHOLD,
        error_bound=false_selection_bound(given.size, _THRESHOLD, int(slots.sum())),
        notes=[
            profile.attribution_note,
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
