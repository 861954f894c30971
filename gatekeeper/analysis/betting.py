"""Intervals for the mean of bounded answers that hold however often one looks, by betting.

A bet that the mean is below m pays, per seed, 1 + λ Σ (m − y) over its prompts. If the mean is m
or more, no bet of this kind is worth more than it cost, so a stake of 1 reaches 1/α at any time at
most with probability α (Ville 1939). Upper ends m whose bet has reached 1/α are thereby excluded,
whenever one stops, and for whatever reason. Source: Waudby-Smith & Ramdas (2024), Estimating means
of bounded random variables by betting, JRSSB 86:1, section 4; here with one stake spread over fixed
bets instead of bets that follow the past, so that the order of the answers does not matter.

The first seeds of a random order are a sample of what the suite is a sample of: ends are about
that, as those of `intervals` are, and not about the suite's own prompts alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatekeeper.records.finding import Interval

METHOD = "betting, stopped when settled"

#: Bets as shares of the largest that can lose no more than the stake, and how the stake is spread.
#: Most lies on bold ones, which settle soonest what is far from its limit.
_BETS = np.array([0.98, 0.9, 0.75, 0.55, 0.35, 0.2, 0.1, 0.05])
_STAKES = np.array([0.3, 0.15, 0.15, 0.15, 0.1, 0.075, 0.05, 0.025])
#: Halvings of [-1, 1] that leave less than 1e-11.
_HALVINGS = 38

_Floats = npt.NDArray[np.float64]


def interval(
    values: _Floats,
    seeds: npt.NDArray[np.str_],
    confidence: float,
    *,
    least: float = -1.0,
    largest: int = 1,
) -> Interval:
    """Interval for the mean of answers that may be looked at as often as one likes.

    Either end errs with at most half of 1 − `confidence`.

    Args:
        values: [n], each from `least` to 1.
        seeds: [n], the seed of each prompt: prompts of a seed may agree.
        least: 0 for shares, -1 for differences of shares.
        largest: prompts a seed may have, known before any was asked: bets are scaled by it, and
            what is scaled by the seeds seen so far would be no bet made in advance.

    Raises:
        ValueError: there are no answers, or one lies outside its range.
    """
    if not len(values) or values.min() < least - 1e-9 or values.max() > 1 + 1e-9:
        raise ValueError(f"{len(values)} answers, not all from {least:g} to 1")
    _, index = np.unique(seeds, return_inverse=True)
    sizes = np.bincount(index).astype(np.float64)
    sums = np.bincount(index, values).astype(np.float64)
    alpha = (1 - confidence) / 2
    most = max(float(largest), float(sizes.max()))
    high = _upper(sums, sizes, alpha, 1.0, most)
    # Mirrored answers lie from -1 to -least.
    low = -_upper(-sums, sizes, alpha, -least, most)
    return Interval(low=max(low, least), high=high, confidence=confidence, method=METHOD)


def _upper(sums: _Floats, sizes: _Floats, alpha: float, most: float, largest: float) -> float:
    """The smallest mean that is excluded from above; `most` if none is.

    What the bet against a mean has made rises with that mean, so halving finds the edge.

    Args:
        sums, sizes: [C], sum of the answers of a seed, and their number.
        most: the largest answer there can be; `largest`: the most prompts that a seed can have.
    """
    groups, often = np.unique(np.stack([sums, sizes]), axis=1, return_counts=True)
    low, high = float(sums.sum() / sizes.sum()), most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if most - middle < 1e-12 or _made(groups, often, middle, most, largest) >= 1 / alpha:
            high = middle
        else:
            low = middle
    return high


def _made(
    groups: _Floats, often: npt.NDArray[np.intp], mean: float, most: float, largest: float
) -> float:
    """What a stake of 1, bet on a mean below `mean`, has grown or shrunk to."""
    sums, sizes = groups
    # No seed can cost more than the largest size times the distance from the largest answer.
    gains = (sizes * mean - sums) / (largest * (most - mean))
    with np.errstate(divide="ignore"):
        logs = np.log(np.maximum(1 + _BETS[:, None] * gains, 0.0)) @ often
    return float(_STAKES @ np.exp(np.minimum(logs, 700.0)))
