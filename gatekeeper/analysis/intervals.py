"""Confidence intervals and exact tests for shares and paired differences.

All take counts, which may be fractional (after shrinking to an effective sample size, or as means
over control masks), and return shares between -1 and 1.

scipy would take a good part of the second that `check` lives, so it is not used here. The tests
hold every function against scipy.stats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from gatekeeper.records.finding import Interval

CONFIDENCE = 0.95

#: A rate that no single seed may speak against; a seed has the event that often.
_RARE = 0.05

#: Halvings of an interval no longer than 2 that leave less than 1e-14.
_HALVINGS = 48
#: That leave less than 1e-5.
_FEW_HALVINGS = 18


@cache
def normal_quantile(confidence: float) -> float:
    """Two-sided quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


@cache
def t_quantile(confidence: float, freedom: int) -> float:
    """Two-sided quantile of Student's t for whole degrees of freedom.

    Source: Abramowitz & Stegun (1964), 26.7.3 and 26.7.4, solved for the angle θ = atan(t / √ν).
    """
    odd = freedom % 2

    def missing(angle: float) -> float:
        cosine = math.cos(angle)
        term, total = (cosine, 0.0) if odd else (1.0, 0.0)
        for k in range(1 + odd, freedom, 2):
            total += term
            term *= cosine * cosine * k / (k + 1)
        inside = math.sin(angle) * total
        return confidence - (2 / math.pi * (angle + inside) if odd else inside)

    return math.sqrt(freedom) * math.tan(_root(missing, 0.0, math.pi / 2))


def _root(function: Callable[[float], float], left: float, right: float) -> float:
    """Where a falling function changes its sign, by halving; it may be infinite on the way."""
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        if function(middle) > 0:
            left = middle
        else:
            right = middle
    return (left + right) / 2


def _above(function: Callable[[float], float], left: float, right: float) -> float:
    """A number above the one where a falling function changes its sign, found by few halvings."""
    for _ in range(_FEW_HALVINGS):
        middle = (left + right) / 2
        left, right = (middle, right) if function(middle) > 0 else (left, middle)
    return right


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Score interval for a share.

    Source: Wilson (1927), JASA 22:209, equation in closed form as in Brown, Cai & DasGupta (2001),
    Statistical Science 16:101, eq. 4. Zero of n gives an upper end of about z²/(n+z²).

    Raises:
        ValueError: n is not positive or successes lie outside 0..n.
    """
    if n <= 0 or not -1e-9 <= successes <= n + 1e-9:
        raise ValueError(f"no share of {successes} in {n}")
    z = normal_quantile(confidence)
    p = min(max(successes / n, 0.0), 1.0)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if p == 0 else max(0.0, centre - half)
    high = 1.0 if p == 1 else min(1.0, centre + half)
    return Interval(low=low, high=high, confidence=confidence, method="Wilson")


@lru_cache(maxsize=4096)
def tango(lost: float, won: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Score interval for a paired difference (lost − won) / n.

    `lost` and `won` count the discordant pairs of either kind; all other pairs are concordant.
    Inverts the score test; the restricted estimate of the nuisance share is the larger root of a
    quadratic. Source: Tango (1998), Statistics in Medicine 17:891, eqs. 24 to 26.

    Raises:
        ValueError: n is not positive, or the counts do not fit in it.
    """
    score, z, estimate = _tango_score(lost, won, n), normal_quantile(confidence), (lost - won) / n
    low = _solve(lambda d: score(d) - z, -1.0, estimate)
    high = _solve(lambda d: score(d) + z, estimate, 1.0)
    return Interval(low=low, high=high, confidence=confidence, method="Tango score, paired")


@lru_cache(maxsize=1 << 14)
def above_tango(lost: float, won: float, n: float, confidence: float, *, upper: bool) -> float:
    """What the upper, or the lower, end of `tango` does not exceed, by 1e-5 at most.

    Takes a fifth of the time, for those who look for the largest of many.
    """
    score, z, estimate = _tango_score(lost, won, n), normal_quantile(confidence), (lost - won) / n
    shift, ends = (z, (estimate, 1.0)) if upper else (-z, (-1.0, estimate))
    return _solve(lambda d: score(d) + shift, *ends, _above)


def _tango_score(lost: float, won: float, n: float) -> Callable[[float], float]:
    """The score by the difference that it is held against.

    Raises:
        ValueError: as of `tango`.
    """
    if n <= 0 or lost < 0 or won < 0 or lost + won > n + 1e-9:
        raise ValueError(f"no paired difference of {lost} and {won} in {n}")

    def score(delta: float) -> float:
        a = 2 * n
        b = -lost - won + (2 * n - lost + won) * delta
        c = -won * delta * (1 - delta)
        q = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = n * (2 * q + delta * (1 - delta))
        if variance <= 0:
            return 0.0 if abs(lost - won - n * delta) < 1e-12 else math.inf
        return (lost - won - n * delta) / math.sqrt(variance)

    return score


def _solve(
    function: Callable[[float], float],
    left: float,
    right: float,
    root: Callable[[Callable[[float], float], float, float], float] = _root,
) -> float:
    """Root of a falling function; the end nearer the root where it does not change sign."""
    if right - left < 1e-12:
        return left
    # The score is singular exactly at ±1 and at the estimate of an all-or-nothing table.
    a, b = left + 1e-12, right - 1e-12
    fa, fb = function(a), function(b)
    if fa <= 0:
        return left
    if fb >= 0:
        return right
    return root(function, a, b)


def effective_size(clusters: npt.NDArray[np.str_]) -> float:
    """How many independent prompts n clustered ones are worth at least, whatever their answers.

    Args:
        clusters: [n], the seed of each prompt.

    Returns:
        n itself if no cluster holds two prompts; else as in `agreed_size`.
    """
    return worth_of(clusters)[0]


def worth_of(clusters: npt.NDArray[np.str_]) -> tuple[float, int]:
    """`effective_size`, and how many different clusters there are."""
    return _worth_of(clusters.tobytes(), clusters.dtype.str)


@lru_cache(maxsize=1 << 10)  # at each level of confidence the same prompts again
def _worth_of(clusters: bytes, kind: str) -> tuple[float, int]:
    if not clusters:
        return 0.0, 0
    sizes = np.unique(np.frombuffer(clusters, kind), return_counts=True)[1]
    alone = int(sizes.sum()) == len(sizes)
    worth = float(len(sizes)) if alone else agreed_size(sizes.astype(np.float64))
    return worth, len(sizes)


def agreed_size(sizes: npt.NDArray[np.float64]) -> float:
    """How many independent prompts are worth as much as seeds whose prompts always agree.

    n² over the sum of squared seed sizes, which is the number of seeds where all are of one size
    (the design effect of Kish (1965), Survey Sampling, 5.6, at an intraclass correlation of 1),
    shrunk by (z/t)² with that number less one as degrees of freedom (Korn & Graubard (1998),
    Survey Methodology 24:193, section 2; used with Wilson as in Dean & Pagano (2015), J. Surv.
    Stat. Methodol. 3:484). How far prompts of a seed do agree is estimated in `clustered`.

    One large seed among small ones is no bell curve; so the size is also at most what leaves a
    true rate of `_RARE` inside the interval when that seed is the only one with the event.

    Args:
        sizes: [C], prompts of each seed.

    Returns:
        0.0 if they are worth less than two.
    """
    n = float(sizes.sum())
    seeds = n * n / float((sizes**2).sum())
    if seeds < 2:
        return 0.0
    z = normal_quantile(CONFIDENCE)
    shrunk = seeds * (z / t_quantile(CONFIDENCE, int(seeds + 1e-9) - 1)) ** 2
    heaviest = float(sizes.max()) / n
    return min(shrunk, z * z * _RARE / (1 - _RARE) / heaviest**2)


def mcnemar_p(lost: int, won: int) -> float:
    """Exact two-sided McNemar p: binomial test of `lost` among the discordant pairs.

    Source: McNemar (1947), Psychometrika 12:153, in its exact form.
    """
    if lost + won == 0:
        return 1.0
    # Symmetric at 1/2: twice the smaller tail, in whole numbers and thus exact.
    n = lost + won
    ways = tail = 1
    for i in range(min(lost, won)):
        ways = ways * (n - i) // (i + 1)
        tail += ways
    return min(1.0, tail / (1 << (n - 1)))


def permutation_p(observed: float, controls: npt.NDArray[np.float64]) -> float:
    """Monte Carlo p: (1 + controls at or above the observed) / (1 + controls).

    Never zero: with R controls it cannot fall below 1/(1 + R). Source: Phipson & Smyth (2010),
    Stat. Appl. Genet. Mol. Biol. 9:39, eq. 2.
    """
    return float((1 + np.sum(controls >= observed - 1e-12)) / (1 + len(controls)))
