"""Prompts that share seeds: coverage through the functions the gate calls, for each repetition."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gatekeeper.analysis import intervals, paired
from gatekeeper.records.finding import Interval
from tools.validate.coverage import (
    HIGH,
    LOW,
    NOMINAL,
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
Sizes = tuple[int, ...]


def _unequal(seeds: int) -> Sizes:
    return tuple(1 + i % 6 for i in range(seeds))


#: Seeds of equally many prompts, of 1 to 6 in turn, and sets that lean on one seed.
_CLUSTERS = {
    **{f"{c} seeds of 4": (4,) * c for c in (8, 20, 40, 120)},
    **{f"{c} seeds of 1 to 6": _unequal(c) for c in (10, 20, 40)},
    "10 seeds of 10": (10,) * 10,
    "1 seed of 5, 40 of 1": (5,) + (1,) * 40,
}
_CORRELATIONS = (0.0, 0.1, 0.3, 0.7, 1.0)
_SHARES = (0.01, 0.05, 0.1, 0.3, 0.5)
#: True shares of prompts lost and won.
_CHANGES = ((0.02, 0.0), (0.1, 0.02), (0.5, 0.02))
#: Sets whose differences are simulated too, which takes far longer.
_PAIRED = ("8 seeds of 4", "20 seeds of 4", "40 seeds of 4", "20 seeds of 1 to 6")
_RUNS = {"share": 250, "difference": 100}

_HEADER = (
    "prompts",
    "n",
    "worth",
    "correlation",
    "least coverage %",
    "its 95 % interval",
    "at",
    "mean %",
    "in 93–97",
    "upper end too low % (most)",
    "mean width",
    "if agreed",
    "flag",
)


def uniforms(
    sizes: Sizes, correlation: float, runs: int, generator: np.random.Generator
) -> FloatArray:
    """Uniform draws [runs, prompts]; an event below p correlates by `correlation` within seeds.

    Each prompt takes the draw of its seed with probability √correlation, else one of its own.
    """
    index = np.repeat(np.arange(len(sizes)), sizes)
    shared = generator.random((runs, len(sizes)))[:, index]
    own = generator.random((runs, len(index)))
    follows = generator.random((runs, len(index))) < math.sqrt(correlation)
    return np.where(follows, shared, own)


def _each(
    sizes: Sizes, kinds: Sequence[FloatArray | BoolArray], found: Callable[[int], object]
) -> FloatArray:
    """Ends [runs, 2] for runs of prompts [runs, n]; each pattern of seeds is asked for once."""
    starts = np.append(0, np.cumsum(sizes)[:-1])
    sums = [np.add.reduceat(kind, starts, axis=1).astype(int) for kind in kinds]
    known: dict[tuple[tuple[int, ...], ...], tuple[float, float]] = {}
    rows = []
    for run in range(len(kinds[0])):
        key = tuple(sorted(zip(sizes, *(s[run].tolist() for s in sums), strict=True)))
        if key not in known:
            known[key] = ends(found(run))  # type: ignore[arg-type]
        rows.append(known[key])
    return np.array(rows)


def clustered_share(
    sizes: Sizes, correlation: float, p: float, runs: int, share: Share = paired.share
) -> Coverage:
    """Coverage where prompts of a seed correlate."""
    generator = np.random.default_rng([SEED, sum(sizes), round(1e4 * p), round(10 * correlation)])
    hits = uniforms(sizes, correlation, runs, generator) < p
    seeds = seeds_of(sizes)
    return tally(_each(sizes, [hits], lambda run: share(hits[run], seeds, NOMINAL)), p)


def clustered_difference(
    sizes: Sizes, correlation: float, lost: float, won: float, runs: int
) -> Coverage:
    """The same for the difference of shares lost and won."""
    key = [SEED, sum(sizes), round(1e4 * lost), round(1e4 * won), round(10 * correlation)]
    drawn = uniforms(sizes, correlation, runs, np.random.default_rng(key))
    a, b = (drawn < lost).astype(float), (drawn >= 1 - won).astype(float)
    seeds = seeds_of(sizes)
    made = _each(sizes, [a, b], lambda run: paired.difference(a[run], b[run], seeds, NOMINAL))
    return tally(made, lost - won)


def _agreed(interval: Interval) -> float:
    return 100 * (interval.high - interval.low)


def _row(
    name: str, correlation: float, found: dict[str, Coverage], agreed: list[float]
) -> tuple[str, ...]:
    """One line for all true rates of a set of prompts at a correlation."""
    sizes = _CLUSTERS[name]
    at, least = min(found.items(), key=lambda each: each[1].share)
    low, high = least.noise
    shares = [one.share for one in found.values()]
    return (
        name,
        str(sum(sizes)),
        f"{intervals.effective_size(seeds_of(sizes)):.1f}",
        f"{correlation:.1f}",
        f"{100 * least.share:.1f}",
        f"{100 * low:.1f}–{100 * high:.1f}",
        at,
        f"{100 * sum(shares) / len(shares):.1f}",
        f"{sum(LOW <= share <= HIGH for share in shares)} of {len(shares)}",
        f"{max(100 * one.beyond / one.runs for one in found.values()):.1f}",
        f"{100 * sum(one.width for one in found.values()) / len(found):.1f}",
        f"{sum(agreed) / len(agreed):.1f}",
        least.flag if least.share < LOW else "high" if min(shares) > HIGH else "",
    )


def tables(*, quick: bool = False) -> Iterator[Table]:
    """Shares and differences of clustered prompts."""
    runs = {name: 20 if quick else runs for name, runs in _RUNS.items()}
    note = (
        "{runs} repetitions for each true rate; nominal 95 %. *Worth*: independent prompts that "
        "they are worth if prompts of a seed always agree; *if agreed*: mean width of the interval "
        "of so many. An end may not fall when one more prompt is lost, and of none lost nothing is "
        "known about agreement; so the upper end is never below that of no event in *worth* "
        "prompts, and misses no lower truth: coverage of 97.5 % and more there is the price. LOW: "
        "a rate of 1 % among 10 seeds or fewer, where the one seed that has it agrees with itself."
    )
    cells = [(name, rho) for name in _CLUSTERS for rho in _CORRELATIONS]
    worth = {name: intervals.effective_size(seeds_of(sizes)) for name, sizes in _CLUSTERS.items()}
    yield Table(
        title="Shares of prompts that share seeds",
        note=f"True rates {', '.join(f'{100 * p:.0f}' for p in _SHARES)} %. "
        + note.format(runs=runs["share"]),
        header=_HEADER,
        rows=tuple(
            _row(
                name,
                rho,
                {
                    f"{100 * p:.0f} %": clustered_share(_CLUSTERS[name], rho, p, runs["share"])
                    for p in _SHARES
                },
                [_agreed(intervals.wilson(p * worth[name], worth[name])) for p in _SHARES],
            )
            for name, rho in cells
        ),
    )
    changes = ", ".join(f"{100 * a:.0f} and {100 * b:.0f}" for a, b in _CHANGES)
    yield Table(
        title="Paired differences of prompts that share seeds",
        note=f"Lost and won: {changes} %. " + note.format(runs=runs["difference"]),
        header=_HEADER,
        rows=tuple(
            _row(
                name,
                rho,
                {
                    f"{100 * a:.0f} and {100 * b:.0f} %": clustered_difference(
                        _CLUSTERS[name], rho, a, b, runs["difference"]
                    )
                    for a, b in _CHANGES
                },
                [
                    _agreed(intervals.tango(a * worth[name], b * worth[name], worth[name]))
                    for a, b in _CHANGES
                ],
            )
            for name, rho in cells
            if name in _PAIRED
        ),
    )
