"""Stability-based Expert Selection by activation frequency, SAFEx-style."""

from __future__ import annotations

import numpy as np

from gatekeeper.analysis.ranking import (
    MINIMUM_SEEDS,
    FloatArray,
    Scored,
    groups_of,
    order_by,
    selection,
    sensitivity,
)
from gatekeeper.analysis.resampling import Resampled, bootstrap, resample
from gatekeeper.analysis.seeds import existing, frequency_by_seed
from gatekeeper.analysis.stability import phi
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.selection import Selection

_ID, _VERSION, _WINDOW = "ses-frequency", 2, "prompt"
_THRESHOLD = 1.0


def _resampled(inputs: SelectionInput, frequency: FloatArray, size: int, draws: int) -> Resampled:
    return resample(
        [bootstrap(frequency, draws, inputs.seed)], draws, existing(inputs), size, block=1
    )


def _select(inputs: SelectionInput) -> Selection | str:
    """Top N_e by frequency in every bootstrap resample (π̂ = 1), in Regular and in Jailbreak.

    HCDG: stable in both sets. HRCG: stable in Regular, not in Jailbreak. The mask takes HRCG first,
    as SAFEx masks it, then HCDG, then the rest by π̂ and frequency. Source: SAFEx, arXiv
    2506.17368, sections 3.1 and 3.2; S and N_e are not published there.
    """
    window = inputs.window or _WINDOW
    seeds, regular = frequency_by_seed(inputs, "regular", window)
    wrapped, jailbreak = frequency_by_seed(inputs, "jailbreak", window)
    if len(seeds) < MINIMUM_SEEDS:
        return f"only {len(seeds)} regular seeds in the selection split, {MINIMUM_SEEDS} are needed"
    notes = [
        "SAFEx-style: S and N_e are not published; both are options here (--resamples, --size).",
        "A frequency ranking finds experts that are always on before it finds those that matter.",
    ]
    resampled = _resampled(inputs, regular, inputs.size, inputs.resamples)
    stable = resampled.probability >= _THRESHOLD
    in_jailbreak = np.zeros_like(stable)
    if len(wrapped) >= MINIMUM_SEEDS:
        other = _resampled(inputs, jailbreak, inputs.size, inputs.resamples)
        in_jailbreak = other.probability >= _THRESHOLD
    else:
        notes.append("Too few jailbreak seeds: no expert could be told to be HCDG.")
    detection, control = stable & in_jailbreak, stable & ~in_jailbreak
    frequency = np.where(existing(inputs), regular.mean(axis=0), -np.inf)
    group = np.where(control, 2.0, np.where(detection, 1.0, 0.0))
    scored = Scored(
        score=frequency,
        probability=resampled.probability,
        order=order_by(group, resampled.probability, frequency),
        groups=groups_of(detection, control),
        phi=phi(resampled),
        sensitivity=sensitivity(
            inputs,
            stable,
            lambda size, draws: _resampled(inputs, regular, size, draws).probability >= _THRESHOLD,
        ),
    )
    return selection(
        inputs,
        scored,
        selector=_ID,
        version=_VERSION,
        window=window,
        prompts={"regular": len(seeds), "jailbreak": len(wrapped)},
        resamples=inputs.resamples,
        threshold=_THRESHOLD,
        notes=notes,
    )


SELECTOR = Selector(
    id=_ID,
    version=_VERSION,
    title="SES by activation frequency (SAFEx-style)",
    needs_attribution=False,
    select=_select,
    groups=True,
)
