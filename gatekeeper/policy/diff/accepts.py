"""What a policy accepts of one number: bounds on its interval, its value and its prompts.

A number is a value v with the interval from l to h, l ≤ v ≤ h. Limits bound h from above, l from
below, or v itself, and a limit on v takes a run that did not stop early. Nothing joins two numbers:
a set and its categories, a number and its change against whichever baseline. So whether one region
lies within another is told by the ends of each, and a point outside is one with the widest interval
there is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from gatekeeper.policy.limit_check import TOLERANCE
from gatekeeper.policy.testing.asks import Asks
from gatekeeper.policy.testing.numbers import metric_of
from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Rule

#: The smallest and largest number there is, by unit.
_ENDS = {"%": (0.0, 100.0), "points": (-100.0, 100.0), "index": (-1.0, 1.0)}


class Point(NamedTuple):
    """A number with its interval: low ≤ value ≤ high; early, if of a run that stopped so."""

    low: float
    value: float
    high: float
    early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepts:
    """Numbers that are accepted: all that lie within every bound.

    Attributes:
        high, low: the interval's upper end is at most, its lower end at least this.
        most, least: the value is at most, at least this.
        whole: the run did not stop early.
    """

    high: float = math.inf
    low: float = -math.inf
    most: float = math.inf
    least: float = -math.inf
    whole: bool = False

    def tight(self) -> Accepts:
        """The same numbers with every bound as tight as the others make it."""
        most, least = min(self.most, self.high), max(self.least, self.low)
        return replace(self, most=most, least=least)

    def both(self, other: Accepts) -> Accepts:
        """What both accept."""
        return Accepts(
            high=min(self.high, other.high),
            low=max(self.low, other.low),
            most=min(self.most, other.most),
            least=max(self.least, other.least),
            whole=self.whole or other.whole,
        ).tight()

    @property
    def empty(self) -> bool:
        """Whether no number is accepted."""
        tight = self.tight()
        return tight.least > tight.most or tight.low > tight.high

    def within(self, other: Accepts) -> bool:
        """Whether the other accepts all that this does."""
        a, b = self.tight(), other.tight()
        inside = a.high <= b.high and a.low >= b.low and a.most <= b.most and a.least >= b.least
        return self.empty or (inside and a.whole >= b.whole)

    def has(self, point: Point) -> bool:
        """Whether a number is accepted, with the gate's own tolerance."""
        return (
            point.high <= self.high + TOLERANCE
            and point.low >= self.low - TOLERANCE
            and self.least - TOLERANCE <= point.value <= self.most + TOLERANCE
            and not (self.whole and point.early)
        )

    def widest(self) -> Iterator[Point]:
        """The numbers of which one lies outside any region that does not hold all of this one.

        The largest and the smallest value, each with the widest interval: for no bound of another
        region is there a number that goes further beyond it. Beyond an end that is infinite, far.
        And one of a run that stopped early, where it may have.
        """
        if self.empty:
            return
        a = self.tight()
        low, high = max(a.low, -_FAR), min(a.high, _FAR)
        for value in (min(a.most, _FAR), max(a.least, -_FAR)):
            yield Point(low, value, high)
        if not self.whole:
            yield self.usual()._replace(early=True)

    def usual(self) -> Point:
        """One number, without any doubt of it: none at all where that is accepted."""
        a = self.tight()
        value = min(max(0.0, a.least), a.most)
        return Point(value, value, value)


#: Further than any limit that a policy can state.
_FAR = 1e10


def anything(of: Asks | Rule) -> Accepts:
    """All numbers that there can be of what is asked for."""
    metric = metric_of(of.metric, regression=False)
    low, high = _ENDS.get(metric.unit, (-math.inf, math.inf))
    if of.regression:
        low, high = low - high, high - low
    return Accepts(low=low, high=high).tight()


def may_stop_early(metric: Metric, subject: Subject) -> bool:
    """Whether a number rests on runs that may stop early (`policy.sequential`): those of masks."""
    masked = "mask" not in metric.parameters or subject.mask == "selected"
    return metric.split != "selection" and masked


def within_limit(rule: Rule) -> Accepts:
    """The numbers that a rule passes."""
    accepted = anything(rule)
    if rule.bound == "estimate":
        metric = metric_of(rule.metric, regression=False)
        whole = any(may_stop_early(metric, subject) for subject in rule.subjects)
        accepted = replace(accepted, whole=whole)
    estimate = rule.bound == "estimate"
    if rule.maximum is not None:
        most = Accepts(most=rule.maximum) if estimate else Accepts(high=rule.maximum)
        accepted = accepted.both(most)
    if rule.minimum is not None:
        least = Accepts(least=rule.minimum) if estimate else Accepts(low=rule.minimum)
        accepted = accepted.both(least)
    return accepted
