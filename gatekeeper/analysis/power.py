"""What an audit of so many prompts can tell: the values it would fail, and those it would pass.

Exact, by adding up the binomial or trinomial distribution over the counts whose interval lies
wholly beyond the limit, or wholly within it. No interval has to be made for that. Wilson's lower
end lies above a limit, and Tango's likewise, exactly where the score test at the limit rejects,
because both invert it: Wilson (1927), JASA 22:209; Tango (1998), Statistics in Medicine 17:891.

Counts are whole, so the power of n prompts rises with n in saw teeth: one prompt more may tell a
little less. Source: Chernick & Liu (2002), The American Statistician 56:149.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.intervals import normal_quantile, tango, wilson
from gatekeeper.analysis.population import plain_method
from gatekeeper.records.finding import Finding, Interval

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_SHARES = ("Wilson", "Wilson, clustered by seed")
_PAIRED = ("Tango score, paired", "Tango score, paired, clustered by seed")
#: Shares, or prompts, that rounding may bring in.
_ALIKE = 1e-6

#: Of audits that should come out so, the share that does.
POWER = 0.8
#: Standard deviations of a count, beyond which nothing is added up (1e-9 of it).
_REACH = 6.0
#: Scores nearer than this are the same.
_SAME = 1e-9
#: Chance that the share turning the other way lies outside the range looked at; its steps.
_UNLIKELY, _STEPS = 1e-5, 16
#: Halvings of a range of shares that leave less than 1e-6.
_HALVINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How something is measured and held against its limit.

    Attributes:
        n: independent prompts.
        won: share that turns the other way, for paired differences; None for plain shares.
        limit: share, or difference of shares, that must not be exceeded.
    """

    n: int
    won: float | None
    limit: float


def smallest_failing(
    design: Design, confidence: float, power: float = POWER, *, exact: bool = False
) -> float | None:
    """The smallest true value whose interval lies beyond the limit with this power; None if none.

    The minimum detectable effect is that less the limit.

    Args:
        exact: whether `tail_p` must be small too, as the gate asks of one claim among several.
    """
    most = _most(design)
    if design.limit >= most:  # where so many turn the other way, no count is likely at the limit
        return None
    z = normal_quantile(confidence)
    if exact:
        z = max(z, exact_cut(design, 1 - confidence))

    def often(value: float) -> bool:
        return chance(design, value, lambda score: score > z) >= power

    if not often(most):
        return None
    return _edge(often, most, max(design.limit, _least(design)))


def largest_passing(design: Design, confidence: float, power: float = POWER) -> float | None:
    """The largest true value whose interval lies within the limit with this power; None if none."""
    z = normal_quantile(confidence)
    least = _least(design)

    def often(value: float) -> bool:
        return chance(design, value, lambda score: score <= -z) >= power

    if design.limit <= least or not often(least):
        return None
    return _edge(often, least, min(design.limit, _most(design)))


def _least(design: Design) -> float:
    return 0.0 if design.won is None else -design.won


def _most(design: Design) -> float:
    return 1.0 if design.won is None else 1 - 2 * design.won


def _edge(often: Callable[[float], bool], yes: float, no: float) -> float:
    """The value, between `yes` and `no`, at which the answer changes; found by halving."""
    for _ in range(_HALVINGS):
        middle = (yes + no) / 2
        if often(middle):
            yes = middle
        else:
            no = middle
    return yes


def chance(design: Design, value: float, decided: Callable[[FloatArray], BoolArray]) -> float:
    """Probability of counts whose score test at the limit is decided so."""
    weights, scores = _counts(design, value)
    return float(weights[decided(scores)].sum())


def exact_cut(design: Design, alpha: float) -> float:
    """The largest score that is too likely at the limit for a claim at error rate alpha."""
    weights, scores = (array.ravel() for array in _counts(design, design.limit))
    order = np.argsort(-scores, kind="stable")
    often = np.nonzero(np.cumsum(weights[order]) > alpha)[0]
    return float(scores[order][often[0]]) + _SAME if len(often) else -math.inf


@lru_cache(maxsize=4096)  # audits of one suite have few counts between them
def tail_p(design: Design, share: float, unlikely: float = _UNLIKELY) -> float:
    """How likely, at the limit, the score test is to come out as far beyond it as it did, or more.

    Added up over all counts, since z is too small far out in the tail of a small share: at z of
    3.05 for one claim of 22, and a limit of 2 %, 60 prompts exceed it eight times as often as z
    says. For differences the share that turns the other way is unknown; the largest tail over
    those within a wide interval of it counts. Source: Berger & Boos (1994), JASA 89:1012.

    Args:
        share: measured share, or difference of shares.
        unlikely: chance that the other share lies outside the range looked at; it is added.
    """
    if design.won is None:
        seen = _wilson_score(np.array(share * design.n), design.n, design.limit)
        return chance(design, design.limit, lambda score: score >= seen - _SAME)
    lost, won = design.n * (share + design.won), design.n * design.won
    seen = _tango_score(np.array(lost), np.array(won), design.n, design.limit)
    wide = wilson(won, design.n, 1 - unlikely)
    low, high = max(wide.low, -design.limit), min(wide.high, (1 - design.limit) / 2)
    tails = [
        chance(replace(design, won=float(back)), design.limit, lambda score: score >= seen - _SAME)
        for back in np.linspace(low, max(low, high), _STEPS)
    ]
    return max(tails) + unlikely


def _counts(design: Design, value: float) -> tuple[FloatArray, FloatArray]:
    """Probability of each count that a true value may well give, and its score at the limit."""
    n, limit = design.n, design.limit
    if design.won is None:
        hits = _window(n, value)
        return _binomial(n, hits, value), _wilson_score(hits, n, limit)
    back = _window(n, design.won)[:, None]
    # No less than none can be lost: a limit below that is exceeded by whatever is true.
    gone = max(value + design.won, 0.0)
    # Of the prompts that are not won, those that are lost.
    share = min(gone / (1 - design.won), 1.0) if design.won < 1 else 0.0
    lost = _window(n, gone)[None, :]
    weight = _binomial(n, back, design.won) * _binomial(n - back, lost, share)
    return weight, _tango_score(lost, back, n, limit)


def _window(n: int, share: float) -> IntArray:
    """The counts that a share of n may well give."""
    if share in {0.0, 1.0}:
        return np.array([round(n * share)], np.int64)
    reach = _REACH * math.sqrt(n * share * (1 - share)) + _REACH
    first, last = max(0, math.floor(n * share - reach)), min(n, math.ceil(n * share + reach))
    return np.arange(first, last + 1, dtype=np.int64)


@cache
def _log_factorials(size: int) -> FloatArray:
    """log k! for k from 0 to 2^size."""
    return np.append(0.0, np.cumsum(np.log(np.arange(1.0, 2**size + 1))))


def _binomial(trials: IntArray | int, hits: IntArray, share: float) -> FloatArray:
    """Probability of so many hits in whole numbers of trials; 0 for more hits than trials."""
    rest = np.asarray(trials - hits)
    if share <= 0 or share >= 1:
        return np.asarray((rest if share >= 1 else hits + 0 * rest) == 0, np.float64)
    fits, most = rest >= 0, int(np.max(trials))
    table, inside = _log_factorials(most.bit_length()), bool(fits.all())
    if not inside:
        rest, hits = np.maximum(rest, 0), np.minimum(hits, most)
    ways = table[trials] - table[hits] - table[rest]
    chances: FloatArray = np.exp(ways + hits * math.log(share) + rest * math.log1p(-share))
    return chances if inside else np.where(fits, chances, 0.0)


def _wilson_score(hits: FloatArray | IntArray, n: int, limit: float) -> FloatArray:
    spread = math.sqrt(max(n * limit * (1 - limit), 1e-300))
    return np.asarray((hits - n * limit) / spread)


def _tango_score(
    lost: FloatArray | IntArray, won: FloatArray | IntArray, n: int, delta: float
) -> FloatArray:
    """Tango's score statistic, as in `intervals.tango`."""
    b = -lost - won + (2 * n - lost + won) * delta
    root = np.sqrt(np.maximum(b * b + 8 * n * won * delta * (1 - delta), 0.0))
    q = (root - b) / (4 * n)
    variance = np.maximum(n * (2 * q + delta * (1 - delta)), 1e-300)
    return np.asarray((lost - won - n * delta) / np.sqrt(variance))


def design_of(finding: Finding, limit: float, *, upper: bool) -> Design | None:
    """How a finding was measured, as an upper limit on it is asked, or a lower one in the mirror.

    Prompts that share seeds count for as many independent ones as give an interval of that width.
    None for a finding whose interval is neither Wilson's nor Tango's.

    Args:
        limit: in the unit of the finding.
        upper: whether the limit is the most that is allowed; else the least.
    """
    method, n = plain_method(finding.interval.method), finding.n
    if method in _SHARES:
        share = finding.value / 100

        def again(size: float) -> Interval:
            return wilson(share * size, size, finding.interval.confidence)

        size = _worth(finding, again)
        bound = limit / 100 if upper else 1 - limit / 100
        return None if size is None else Design(n=size, won=None, limit=bound)
    if method not in _PAIRED or not {"lost", "won"} <= finding.counts.keys():
        return None
    lost, won = finding.counts["lost"] / n, finding.counts["won"] / n

    def twice(size: float) -> Interval:
        return tango(lost * size, won * size, size, finding.interval.confidence)

    size = _worth(finding, twice)
    bound, back = (limit / 100, won) if upper else (-limit / 100, lost)
    return None if size is None else Design(n=size, won=back, limit=bound)


def _worth(finding: Finding, again: Callable[[float], Interval]) -> int | None:
    """Whole prompts, rounded down, whose interval of this method is as wide as the finding's."""
    width = (finding.interval.high - finding.interval.low) / 100

    def spare(size: float) -> float:
        interval = again(size)
        return interval.high - interval.low - width

    if finding.clusters == finding.n:
        # Another interval under the same name, such as one of the worst category.
        return finding.n if abs(spare(finding.n)) < _ALIKE else None
    low, high = 1.0, float(finding.n)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if spare(middle) > 0:
            low = middle
        else:
            high = middle
    return int(high + 1e-3)
