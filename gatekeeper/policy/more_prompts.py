"""How many more prompts would decide an open rule: a rough range, or none where it has no use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from gatekeeper.policy.limit_check import TOLERANCE
from gatekeeper.records.finding import Finding, Interval
from gatekeeper.records.policy import Rule
from gatekeeper.records.verdict import MorePrompts

#: Beyond so many times what was measured no number is told: the value is all but at the limit.
MOST_TIMES = 10
#: Standard errors by which the value measured may be too far from the limit, for the high end.
_SHIFT = 2 / 3
#: Rounding that a metric's own arithmetic may bring in: of prompts.
_SLACK = 1e-6
#: Units whose intervals shrink with the number of prompts.
_SHARES = ("%", "points")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """One subject of an open rule that heads for a decision.

    Attributes:
        interval: what would have to come inside the limit, or lie outside it for a fail.
    """

    finding: Finding
    interval: Interval


def more_prompts(rule: Rule, heading: Sequence[Open], *, stuck: bool) -> MorePrompts | None:
    """Prompts to add of each kind that the rule asks about, if the observed values stay.

    None of what is no share of prompts, where half-widths do not shrink as 1/√n. One subject that
    heads outside is enough to fail; to pass, all must come inside.

    Args:
        heading: subjects that are open and measured.
        stuck: whether there is another that no prompts would bring inside: one that is missing,
            below the noise, or disputed by a second judge.
    """
    limit = rule.maximum if rule.maximum is not None else rule.minimum
    if limit is None or rule.unit not in _SHARES or rule.interval != "suite":
        return None  # of a population of categories, more prompts of the same ones tell little
    failing: list[tuple[float, float]] = []
    passing: list[tuple[float, float]] = []
    for subject in heading:
        gap = subject.finding.value - limit
        fails = gap > 0 if rule.maximum is not None else gap < 0
        (failing if fails else passing).append(_span(subject, limit))
    if failing:
        return _bounds(min(low for low, _ in failing), min(high for _, high in failing))
    if stuck or not passing:
        return None
    return _bounds(max(low for low, _ in passing), max(high for _, high in passing))


def _bounds(low: float, high: float) -> MorePrompts | None:
    if math.isinf(low):
        return None
    return MorePrompts(low=_round_up(low), high=None if math.isinf(high) else _round_up(high))


def _round_up(prompts: float) -> int:
    """Rounds up to two digits: more would claim a precision that is not there."""
    count = max(1, math.ceil(prompts - _SLACK))
    step = int("1".ljust(len(str(count)) - 1, "0"))
    return math.ceil(count / step) * step


def _span(subject: Open, limit: float) -> tuple[float, float]:
    """Prompts to add, at the value measured and at one nearer to the limit; infinite: no use."""
    value, interval = subject.finding.value, subject.interval
    half = interval.high - value if value < limit else value - interval.low
    error = half / NormalDist().inv_cdf((1 + interval.confidence) / 2)
    gap = abs(limit - value)
    n = subject.finding.n
    return _needed(n, half, gap), _needed(n, half, gap - _SHIFT * error)


def _needed(n: int, half: float, gap: float) -> float:
    """Prompts to add until a half-width at n prompts is down to the gap."""
    if gap <= TOLERANCE:
        return math.inf
    added = n * ((half / gap) ** 2 - 1)
    return added if added <= MOST_TIMES * n else math.inf
