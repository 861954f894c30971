"""Per-prompt arrays brought to one row per seed, so that resampling never splits a seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatekeeper.records.plugins import SelectionInput

FloatArray = npt.NDArray[np.float64]


def seed_means(values: FloatArray, seeds: npt.NDArray[np.str_]) -> tuple[list[str], FloatArray]:
    """Mean over the prompts of each seed.

    Args:
        values: [P, X].
        seeds: [P].

    Returns:
        the S distinct seeds, sorted, and the means [S, X].
    """
    names, index, counts = np.unique(seeds, return_inverse=True, return_counts=True)
    totals = np.zeros((len(names), values.shape[1]))
    np.add.at(totals, index, values)
    return [str(name) for name in names], totals / counts[:, None]


def existing(inputs: SelectionInput) -> npt.NDArray[np.bool_]:
    """Which of the flattened L × E slots are experts (layers may have fewer than E): [L*E]."""
    sites = inputs.profile.sites
    width = max(site.experts for site in sites)
    return np.concatenate([np.arange(width) < site.experts for site in sites])


def frequency_by_seed(
    inputs: SelectionInput, prompt_set: str, window: str
) -> tuple[list[str], FloatArray]:
    """Activation frequency of a set, one row per seed: seeds and [S, L*E]."""
    rows = np.flatnonzero(inputs.sets == prompt_set)
    frequency = inputs.profile.frequency(window, rows)
    slots = frequency.shape[1] * frequency.shape[2]
    return seed_means(frequency.reshape(len(rows), slots), inputs.seeds[rows])
