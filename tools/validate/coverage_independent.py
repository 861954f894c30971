"""Independent prompts: coverage of Wilson's and Tango's intervals, simulated and exact.

Counts are whole numbers, so that coverage swings with p and n; its exact average over a fine grid
of p is given beside the cells (Brown, Cai & DasGupta 2001, Statistical Science 16:101, section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from scipy import special, stats

from gatekeeper.analysis import intervals
from gatekeeper.records.finding import Interval
from tools.validate.coverage import (
    HIGH,
    LOW,
    RESULTS,
    SEED,
    Coverage,
    FloatArray,
    ends,
    tally,
)
from tools.validate.table import Table

_SHARES = (0.02, 0.05, 0.1, 0.3, 0.5)
#: True shares of prompts lost and won.
_CHANGES = ((0.02, 0.0), (0.02, 0.02), (0.1, 0.02), (0.3, 0.05), (0.6, 0.02))
_SIZES = (20, 50, 100, 200)
#: Rates that nobody tells apart.
_NEAR = 0.01
#: Intervals are looked up, so that many repetitions cost little.
_RUNS = 20_000


def share_ends(n: int, interval: Callable[[float, float], Interval]) -> FloatArray:
    """Ends [n+1, 2] of the interval for 0 to n of n."""
    return np.array([ends(interval(hits, n)) for hits in range(n + 1)])


def independent_share(
    n: int, p: float, runs: int, interval: Callable[[float, float], Interval] = intervals.wilson
) -> Coverage:
    """Coverage for `n` prompts of which each has the event with probability `p`."""
    drawn = np.random.default_rng([SEED, n, round(1e4 * p)]).binomial(n, p, runs)
    return tally(share_ends(n, interval)[drawn], p)


@cache
def _tango_ends(n: int) -> FloatArray:
    """Ends [n+1, n+1, 2] of the interval for (lost, won) of n; NaN where they do not fit."""
    known = np.full((n + 1, n + 1, 2), np.nan)
    for lost in range(n + 1):
        for won in range(n + 1 - lost):
            known[lost, won] = ends(intervals.tango(lost, won, n))
    return known


def _independent_difference(n: int, lost: float, won: float, runs: int) -> Coverage:
    generator = np.random.default_rng([SEED, n, round(1e4 * lost), round(1e4 * won)])
    drawn = generator.multinomial(n, [lost, won, 1 - lost - won], runs)
    return tally(_tango_ends(n)[drawn[:, 0], drawn[:, 1]], lost - won)


def _exact_shares(n: int, grid: FloatArray) -> FloatArray:
    """Exact coverage of Wilson's interval at each p of the grid, by summing the binomial."""
    known = share_ends(n, intervals.wilson)
    weight = stats.binom.pmf(np.arange(n + 1)[:, None], n, grid)
    inside = (known[:, :1] - 1e-9 <= grid) & (grid <= known[:, 1:] + 1e-9)
    return np.asarray((weight * inside).sum(axis=0))


def _exact_differences(n: int, lost: FloatArray, won: float) -> FloatArray:
    """Exact coverage of Tango's interval at each share lost, by summing the trinomial."""
    known = _tango_ends(n)
    a, b = np.nonzero(np.isfinite(known[:, :, 0]))
    rest = n - a - b
    ways = special.gammaln(n + 1) - sum(special.gammaln(x + 1) for x in (a, b, rest))
    low, high = known[a, b, 0] - 1e-9, known[a, b, 1] + 1e-9
    covered = []
    for p in lost:
        logs = special.xlogy(a, p) + special.xlogy(b, won) + special.xlogy(rest, 1 - p - won)
        inside = (low <= p - won) & (p - won <= high)
        covered.append(float(np.exp(ways + logs)[inside].sum()))
    return np.array(covered)


def _averages(sizes: tuple[int, ...]) -> Table:
    rows = []
    for n in sizes:
        for name, grid in (
            ("2 to 98 %", np.linspace(0.02, 0.98, 961)),
            ("0.5 to 10 %", np.linspace(0.005, 0.1, 191)),
        ):
            rows.append(("Wilson", str(n), name, "", *_spread(_exact_shares(n, grid), grid)))
        for won in (0.0, 0.02, 0.05):
            for name, grid in (
                ("2 to 90 %", np.linspace(0.02, 0.9, 177)),
                ("0.5 to 10 %", np.linspace(0.005, 0.1, 96)),
            ):
                found = _spread(_exact_differences(n, grid, won), grid)
                rows.append(("Tango", str(n), name, f"{100 * won:.0f} %", *found))
    return Table(
        title="Exact coverage averaged over a fine grid of true rates",
        note="No simulation: every possible count is weighed by its probability. Single cells swing"
        " with n and p because counts are whole numbers (Brown, Cai & DasGupta 2001 show it): a"
        " true rate a tenth of a point aside can be covered several points more or less often, and"
        " nobody knows it to a tenth of a point. *Nearby* is therefore the lowest mean over all"
        " rates within one point of each other; *lowest* is the worst single rate. Tango's interval"
        " at n = 20 is wider than need be where few pairs are discordant, by the numbers here; it"
        " is left so.",
        header=(
            "interval",
            "n",
            "p (lost)",
            "won",
            "mean",
            "lowest",
            "nearby",
            "highest",
            "in 93–97",
            "flag",
        ),
        rows=tuple(rows),
    )


def nearby(covered: FloatArray, grid: FloatArray) -> float:
    """The lowest mean coverage over an even grid's rates that lie within one point."""
    width = round(_NEAR / float(grid[1] - grid[0])) + 1
    return float(np.convolve(covered, np.full(width, 1 / width), "valid").min())


def _spread(covered: FloatArray, grid: FloatArray) -> tuple[str, ...]:
    within = float(((covered >= LOW) & (covered <= HIGH)).mean())
    mean = float(covered.mean())
    flag = "LOW" if mean < LOW else "high" if mean > HIGH else ""
    shown = (mean, float(covered.min()), nearby(covered, grid), float(covered.max()))
    return (*(f"{100 * x:.1f}" for x in shown), f"{100 * within:.0f} % of the grid", flag)


def tables(*, quick: bool = False) -> Iterator[Table]:
    """Wilson, Tango, and both averaged."""
    sizes, runs = (_SIZES[:2], 4000) if quick else (_SIZES, _RUNS)
    yield Table(
        title="Wilson's interval of a share, independent prompts",
        note=f"{runs} repetitions a cell; nominal 95 %.",
        header=("n", "p", *RESULTS),
        rows=tuple(
            (str(n), f"{100 * p:.0f} %", *independent_share(n, p, runs).cells())
            for n in sizes
            for p in _SHARES
        ),
    )
    yield Table(
        title="Tango's interval of a paired difference, independent prompts",
        note=f"{runs} repetitions a cell; nominal 95 %. The truth is lost − won.",
        header=("n", "lost", "won", *RESULTS),
        rows=tuple(
            (str(n), f"{100 * a:.0f} %", f"{100 * b:.0f} %",
             *_independent_difference(n, a, b, runs).cells())
            for n in sizes
            for a, b in _CHANGES
        ),
    )  # fmt: skip
    yield _averages(sizes)
