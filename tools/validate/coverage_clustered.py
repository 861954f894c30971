"""Prompts that share seeds: coverage through the functions the gate calls, for each repetition."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from gatekeeper.analysis import intervals, paired
from tools.validate.coverage import (
    NOMINAL,
    RESULTS,
    SEED,
    BoolArray,
    Coverage,
    FloatArray,
    Seeds,
    ends,
    seeds_of,
    tally,
)
from tools.validate.table import Table

Share = Callable[[BoolArray, Seeds, float], paired.Estimate | str]

_CLUSTERS = {
    "20 seeds of 4": (4,) * 20,
    "50 seeds of 4": (4,) * 50,
    "19 seeds of 1 to 4": (1,) * 10 + (4,) * 7 + (3,) * 2,
    "1 seed of 5, 40 of 1": (5,) + (1,) * 40,
}
_CORRELATIONS = (0.0, 0.3, 0.7, 1.0)
_SHARES = (0.02, 0.1, 0.3)
#: True shares of prompts lost and won.
_CHANGES = ((0.02, 0.0), (0.1, 0.02), (0.5, 0.02))
_RUNS = 4000


def uniforms(
    sizes: tuple[int, ...], correlation: float, runs: int, generator: np.random.Generator
) -> FloatArray:
    """Uniform draws [runs, prompts]; an event below p correlates by `correlation` within seeds.

    Each prompt takes the draw of its seed with probability √correlation, else one of its own.
    """
    index = np.repeat(np.arange(len(sizes)), sizes)
    shared = generator.random((runs, len(sizes)))[:, index]
    own = generator.random((runs, len(index)))
    follows = generator.random((runs, len(index))) < math.sqrt(correlation)
    return np.where(follows, shared, own)


def clustered_share(
    sizes: tuple[int, ...], correlation: float, p: float, runs: int, share: Share = paired.share
) -> Coverage:
    """Coverage where prompts of a seed correlate."""
    generator = np.random.default_rng([SEED, sum(sizes), round(1e4 * p), round(10 * correlation)])
    hits = uniforms(sizes, correlation, runs, generator) < p
    seeds = seeds_of(sizes)
    return tally(np.array([ends(share(row, seeds, NOMINAL)) for row in hits]), p)


def clustered_difference(
    sizes: tuple[int, ...], correlation: float, lost: float, won: float, runs: int
) -> Coverage:
    """The same for the difference of shares lost and won."""
    key = [SEED, sum(sizes), round(1e4 * lost), round(1e4 * won), round(10 * correlation)]
    drawn = uniforms(sizes, correlation, runs, np.random.default_rng(key))
    a, b = (drawn < lost).astype(float), (drawn >= 1 - won).astype(float)
    seeds = seeds_of(sizes)
    found = [paired.difference(x, y, seeds, NOMINAL) for x, y in zip(a, b, strict=True)]
    return tally(np.array([ends(each) for each in found]), lost - won)


def tables(*, quick: bool = False) -> Iterator[Table]:
    """Shares and differences of clustered prompts."""
    runs = 300 if quick else _RUNS
    note = (
        f"{runs} repetitions a cell; nominal 95 %. Prompts of a seed are counted as if they always "
        "agreed (correlation 1), whatever they do: below 1 the interval is wider than it need be."
    )
    worth = {name: intervals.effective_size(seeds_of(sizes)) for name, sizes in _CLUSTERS.items()}
    cells = [
        (sizes, correlation, (name, f"{worth[name]:.1f}", f"{correlation:.1f}"))
        for name, sizes in _CLUSTERS.items()
        for correlation in _CORRELATIONS
    ]
    yield Table(
        title="Shares of prompts that share seeds",
        note=note,
        header=("prompts", "worth", "correlation", "p", *RESULTS),
        rows=tuple(
            (*labels, f"{100 * p:.0f} %", *clustered_share(sizes, rho, p, runs).cells())
            for sizes, rho, labels in cells
            for p in _SHARES
        ),
    )
    yield Table(
        title="Paired differences of prompts that share seeds",
        note=note,
        header=("prompts", "worth", "correlation", "lost", "won", *RESULTS),
        rows=tuple(
            (*labels, f"{100 * a:.0f} %", f"{100 * b:.0f} %",
             *clustered_difference(sizes, rho, a, b, runs).cells())
            for sizes, rho, labels in cells
            for a, b in _CHANGES
        ),
    )  # fmt: skip
