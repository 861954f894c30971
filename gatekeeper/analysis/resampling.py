"""Resamples of seeds as weight matrices, and how often each expert is selected over them.

Resampling many times is one matrix product, weights [R, S] times per-seed scores [S, X], and a
top-q of each row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

#: Resamples handled at a time: bounds memory at about CHUNK × experts × 8 bytes.
_CHUNK = 256


def bootstrap_weights(seeds: int, resamples: int, seed: int) -> FloatArray:
    """Multinomial bootstrap weights [resamples, seeds]; each row sums to 1."""
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    return counts.astype(np.float64) / seeds


def half_sample_weights(seeds: int, resamples: int, seed: int) -> FloatArray:
    """Complementary half-samples [resamples, seeds]; rows 2i and 2i+1 share no seed.

    Source: Shah & Samworth (2013), JRSS B 75:55 (complementary pairs stability selection).
    """
    generator = np.random.default_rng(seed)
    half = seeds // 2
    weights = np.zeros((resamples + resamples % 2, seeds))
    for pair in range(0, len(weights), 2):
        order = generator.permutation(seeds)
        weights[pair, order[:half]] = 1 / half
        weights[pair + 1, order[half : 2 * half]] = 1 / half
    return weights


def top(scores: FloatArray, size: int) -> npt.NDArray[np.intp]:
    """Indices of the `size` largest scores of each row [R, X]; ties go to the lower index."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :size]


def selection_probability(
    resampled: Callable[[slice], FloatArray], resamples: int, experts: int, size: int
) -> FloatArray:
    """π̂ per expert [experts]: share of resamples in which it is among the top `size`.

    Args:
        resampled: rows of the resamples -> their scores [rows, experts]; -inf where there is no
            such expert. An expert with a score of exactly -inf is never counted.
    """
    hits = np.zeros(experts)
    for start in range(0, resamples, _CHUNK):
        scores = resampled(slice(start, min(start + _CHUNK, resamples)))
        chosen = top(scores, size)
        valid = np.isfinite(np.take_along_axis(scores, chosen, axis=1))
        hits += np.bincount(chosen[valid], minlength=experts)
    return hits / resamples


def borderline(probability: FloatArray, threshold: float, resamples: int) -> npt.NDArray[np.bool_]:
    """Whether the noise of R resamples could move π̂ across the threshold (two standard errors)."""
    error = np.sqrt(np.maximum(probability * (1 - probability), 1 / resamples) / resamples)
    touched = (probability > 0) & (np.abs(probability - threshold) <= 2 * error)
    return np.asarray(touched & ((probability < 1) | (threshold < 1)), dtype=np.bool_)


def false_selection_bound(size: int, threshold: float, experts: int) -> float | None:
    """Bound on the expected number of false selections, E[V] ≤ q² / ((2π − 1) p).

    Premises: unselected experts exchangeable, and the rule no worse than guessing. Source:
    Meinshausen & Bühlmann (2010), JRSS B 72:417, theorem 1. None where π ≤ 1/2.
    """
    return size**2 / ((2 * threshold - 1) * experts) if threshold > 0.5 else None
