"""Intervals for prompts that share seeds: how far they agree is estimated, within bounds.

The design effect of n prompts lies between 1 (prompts of a seed are independent) and that of
`intervals.effective_size` (they always agree). In between it follows the intraclass correlation
that the answers show. An estimate that follows the answers can fall when an answer gets worse, and
the interval with it; so each end here is the furthest that any better (for the lower end: worse)
answers to the same prompts would have had. Thereby an end never moves down when one more prompt is
lost, nor up when one is won back. See ADR 4 for the proof, and for what it costs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.intervals import (
    CONFIDENCE,
    agreed_size,
    normal_quantile,
    t_quantile,
)
from gatekeeper.records.finding import Interval

FloatArray = npt.NDArray[np.float64]

#: Events that speak for full agreement before any is seen. None seen: full agreement is assumed.
_PRIOR = 1.0

#: Pairs of counts looked at together: some 10 MB of numbers.
_PAIRS = 200_000

#: Halvings of [-1, 1] that leave less than 1e-11.
_HALVINGS = 38


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """Prompts by seed.

    Attributes:
        index: [n], which seed each prompt is of, as 0 to C − 1.
        sizes: [C], prompts of each seed; at least one seed has two.
    """

    index: npt.NDArray[np.intp]
    sizes: FloatArray

    @classmethod
    def of(cls, seeds: npt.NDArray[np.str_]) -> Seeds:
        """Groups prompts by the seed of each, [n]."""
        _, index, sizes = np.unique(seeds, return_inverse=True, return_counts=True)
        return cls(index=index, sizes=sizes.astype(np.float64))

    def times(self, rounds: int) -> Seeds:
        """The same prompts, each answered so often: all of the first round, then of the next."""
        return Seeds(index=np.tile(self.index, rounds), sizes=self.sizes * rounds)

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum of the values of each seed's prompts, [C]."""
        return np.bincount(self.index, values, len(self.sizes)).astype(np.float64)

    @cached_property
    def n(self) -> float:
        """Prompts."""
        return float(self.sizes.sum())

    @cached_property
    def least(self) -> float:
        """How many independent prompts these are worth if prompts of a seed always agree."""
        return agreed_size(self.sizes)

    @cached_property
    def most(self) -> float:
        """Worth of prompts that show no agreement: n (z/t)², as Korn & Graubard (1998) shrink it.

        t has one degree of freedom less than there are seeds.
        """
        z = normal_quantile(CONFIDENCE)
        shrunk = self.n * (z / t_quantile(CONFIDENCE, len(self.sizes) - 1)) ** 2
        return max(shrunk, self.least)

    def worth(self, squares: FloatArray, *counts: FloatArray) -> FloatArray:
        """Independent prompts that these are worth, given how far their answers agree.

        The correlation ρ is the analysis-of-variance estimate for seeds of unlike sizes, with the
        sums of squares added up over the kinds of event. Source: Donner (1986), Int. Stat. Rev.
        54:67. It is drawn towards 1 as if by `_PRIOR` more events that agreed fully.

        Args:
            squares: per case, the sum over kinds and seeds of (events of a seed)² / its prompts.
            counts: per kind of event (of which a prompt has at most one), how many in each case.
        """
        seen = sum(counts, np.zeros_like(squares))
        within = np.maximum(seen - squares, 0.0) / (self.n - len(self.sizes))
        between = np.maximum(squares - sum(c * c for c in counts) / self.n, 0.0)
        between = between / (len(self.sizes) - 1)
        typical = (self.n - float((self.sizes**2).sum()) / self.n) / (len(self.sizes) - 1)
        total = between + (typical - 1) * within
        known = total > 1e-12
        rho = np.where(known, (between - within) / np.where(known, total, 1.0), 1.0)
        events = self.n - np.maximum.reduce([*counts, self.n - seen])
        rho = (np.clip(rho, 0.0, 1.0) * events + _PRIOR) / (events + _PRIOR)
        return np.asarray(self.most / (1 + (self.most / self.least - 1) * rho))

    def fewer(self, events: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Every count up to that of the events [C], and the largest squares with so many of them.

        Squares as in `worth`. They are largest where whole seeds keep their events, those with the
        highest share first; a part of a seed counts in proportion, which is never too little.
        """
        share = events / self.sizes
        order = np.argsort(-share, kind="stable")
        filled = np.append(0.0, np.cumsum(events[order]))
        counts = np.append(np.arange(0.0, math.ceil(filled[-1] - 1e-9)), filled[-1])
        return counts, np.interp(counts, filled, np.append(0.0, np.cumsum((events * share)[order])))


def share(hits: FloatArray, seeds: Seeds, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's interval for a share of prompts that share seeds.

    Args:
        hits: [n], 1 for a prompt with the event, else 0.
    """
    z = normal_quantile(confidence)
    sums = seeds.sums(hits)
    low, high = 1 - _highest_share(seeds.sizes - sums, seeds, z), _highest_share(sums, seeds, z)
    return Interval(low=low, high=high, confidence=confidence, method="Wilson, clustered by seed")


def _highest_share(sums: FloatArray, seeds: Seeds, z: float) -> float:
    """The highest upper end over all ways to have some of these events, or all."""
    counts, squares = seeds.fewer(sums)
    if counts[-1] > seeds.n - 1e-9:
        return 1.0
    p, n = counts / seeds.n, seeds.worth(squares, counts)
    spread = np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return float(((p + z * z / (2 * n) + z * spread) / (1 + z * z / n)).max())


def difference(
    lost: FloatArray,
    won: FloatArray,
    seeds: Seeds,
    confidence: float = CONFIDENCE,
    *,
    monotone: bool = True,
) -> Interval:
    """Tango's interval for (lost − won) / n of prompts that share seeds.

    Args:
        lost, won: [n], 0 or 1 per prompt; never both.
        monotone: whether ends are kept from moving against the answers (see above). Off, it is the
            interval of these answers alone, a little narrower.
    """
    z = normal_quantile(confidence)
    gone, back = seeds.sums(lost), seeds.sums(won)
    return Interval(
        low=-_highest_difference(back, gone, seeds, z, monotone=monotone),
        high=_highest_difference(gone, back, seeds, z, monotone=monotone),
        confidence=confidence,
        method="Tango score, paired, clustered by seed",
    )


def _highest_difference(
    lost: FloatArray, won: FloatArray, seeds: Seeds, z: float, *, monotone: bool
) -> float:
    """The highest upper end over all ways to have lost fewer and won more, or as many."""
    some, of_some = seeds.fewer(lost)
    # Prompts that were not won, of which there may be fewer; with n less them, those that were.
    rest, of_rest = seeds.fewer(seeds.sizes - won)
    more, of_more = seeds.n - rest, of_rest + seeds.n - 2 * rest
    if not monotone:
        some, of_some, more, of_more = some[-1:], of_some[-1:], more[-1:], of_more[-1:]
    best = float((lost.sum() - won.sum()) / seeds.n)
    # Block by block: all pairs of thousands of prompts would not fit in memory.
    step = max(1, _PAIRS // len(some))
    for start in range(0, len(more), step):
        part = slice(start, start + step)
        pairs = np.nonzero(some[:, None] + more[part] <= seeds.n + 1e-9)
        a, b = some[pairs[0]], more[part][pairs[1]]
        n = seeds.worth(of_some[pairs[0]] + of_more[part][pairs[1]], a, b)
        best = _highest_of(a / seeds.n, b / seeds.n, n, z, best)
    return best


def _highest_of(a: FloatArray, b: FloatArray, n: FloatArray, z: float, best: float) -> float:
    """The highest upper end of these cases, or `best` if none lies above it.

    The upper end of a case lies above δ if its score test does not reject δ from below. Cases that
    fall behind the best one are dropped on the way.
    """
    low, high = best, 1.0
    above = _score(a, b, n, low + 2 * (1 - low) * 0.5**_HALVINGS) > -z
    a, b, n = a[above], b[above], n[above]
    for _ in range(_HALVINGS if len(a) else 0):
        middle = (low + high) / 2
        above = _score(a, b, n, middle) > -z
        if above.any():
            low, a, b, n = middle, a[above], b[above], n[above]
        else:
            high = middle
    return high if len(n) and high > best else best


def _score(lost: FloatArray, won: FloatArray, n: FloatArray, delta: float) -> FloatArray:
    """Tango's score statistic for shares lost and won, as in `intervals.tango`."""
    b = (2 + won - lost) * delta - lost - won
    q = (np.sqrt(np.maximum(b * b + 8 * won * delta * (1 - delta), 0.0)) - b) / 4
    variance = np.maximum((2 * q + delta * (1 - delta)) / n, 1e-300)
    return np.asarray((lost - won - delta) / np.sqrt(variance))
