"""Evidence from a gap: with the fewest prompts that could come to it, held by the gate itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from gatekeeper.policy.decide_rules import CONFIDENCE
from gatekeeper.policy.diff.accepts import Accepts, Point
from gatekeeper.policy.diff.gap import Gap, within_each
from gatekeeper.policy.diff.passing import Passing, passing
from gatekeeper.policy.diff.prompts import enough_for
from gatekeeper.policy.testing.asks import Asks, ask_of, named_parts
from gatekeeper.policy.testing.numbers import Number, counted, finding, is_paired
from gatekeeper.policy.testing.told import Setting, Told, judge_told
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Rule

#: An interval needs so many prompts (`analysis.paired.MINIMUM_N`).
_FEWEST = 5
#: Where none of so many numbers of prompts fits, the interval is told without one. Tango's takes
#: longer.
_MOST, _MOST_PAIRED = 3000, 400
#: Far beyond any limit, and still a number that people read.
_NOTABLE = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Evidence that one policy passes and another does not, as the gate itself judges it.

    Attributes:
        numbers: the numbers that are why; all others are within both policies' limits where that
            is possible.
        told: all numbers, the others too.
        need: the need that is not met.
        passes, other: both verdicts.
    """

    numbers: tuple[tuple[Asks, Number], ...]
    told: Mapping[Asks, Number]
    need: str | None
    passes: Told
    other: Told


def witness(new: Passing, old: Passing, found: Gap) -> Witness:
    """The evidence of a gap.

    Raises:
        RuntimeError: the gate judges it otherwise, so that one of the two is wrong.
    """
    told = _others(found.allowed, new, old)
    numbers: dict[Asks, Number] = {}
    ways = () if found.clause is None else found.clause.ways
    for ask, point in found.outside.items():
        if point is None:
            numbers[ask] = Number(missing="not measured")
            continue
        excluding = [way[ask] for way in ways if ask in way and not way[ask].has(point)]
        allowed = found.allowed.get(ask) or within_each(ask, found.allowed)
        least = max(_FEWEST, *(enough_for(side.policy, ask) for side in (new, old)))
        numbers[ask] = _number(ask, allowed, excluding, point, least)
    told |= numbers
    unmet = frozenset() if found.need is None else frozenset({found.need})
    passes, other = _judge(new, told, frozenset()), _judge(old, told, unmet)
    if passes.exit_code or not other.exit_code:
        raise RuntimeError("policy diff found evidence that the gate judges otherwise")
    return Witness(
        numbers=tuple(numbers.items()),
        told=told,
        need=found.need,
        passes=passes,
        other=other,
    )


def _others(allowed: Mapping[Asks, Accepts], new: Passing, old: Passing) -> dict[Asks, Number]:
    """A number for everything else: as the first policy allows it and, if it can be, the other.

    Rules that only warn come last.
    """
    warned = (_warned(new), _warned(old))
    wanted = dict(allowed)
    for clause in (*old.clauses, *(clause for side in warned for clause in side.clauses)):
        for ask, accepted in (clause.ways[0] if clause.ways else {}).items():
            before = wanted.get(ask) or within_each(ask, wanted)
            both = before.both(accepted)
            wanted[ask] = before if both.empty else both
    return {ask: _plain(accepted.usual()) for ask, accepted in wanted.items()}


def _warned(side: Passing) -> Passing:
    return passing(side.policy, replace(side.context, fail_on="warn"))


def _plain(point: Point) -> Number:
    return Number(value=point.value, low=point.low, high=point.high, n=1, early=point.early)


def _number(
    ask: Asks, allowed: Accepts, excluding: Collection[Accepts], point: Point, least: int
) -> Number:
    """A number that is allowed and excluded: a count of as few prompts as there is one of.

    Args:
        least: prompts that both policies take behind it.
    """
    metric = ask.answered

    def fits(number: Number) -> bool:
        found = finding(metric, ask.subject, number, CONFIDENCE)
        if not isinstance(found, Finding):
            return False
        at = Point(found.interval.low, found.value, found.interval.high, number.early)
        return allowed.has(at) and not any(one.has(at) for one in excluding)

    if counted(metric):
        most = _MOST_PAIRED if is_paired(metric) else _MOST
        for n in range(least, least + most):
            for count in _counts(metric, ask.subject, allowed, n):
                number = Number(count=float(count), n=n, early=point.early)
                if fits(number):
                    return number
    low, value, high = (min(max(x, -_NOTABLE), _NOTABLE) for x in point[:3])
    nearer = Number(value=value, low=low, high=high, n=least, early=point.early)
    return nearer if fits(nearer) else replace(_plain(point), n=least)


def _counts(metric: Metric, subject: Subject, allowed: Accepts, n: int) -> Iterator[int]:
    """The largest and the smallest count of n prompts that a region may hold."""

    def at(count: int) -> Point:
        found = finding(metric, subject, Number(count=float(count), n=n), CONFIDENCE)
        if not isinstance(found, Finding):
            return Point(0.0, 0.0, 0.0)
        return Point(found.interval.low, found.value, found.interval.high)

    upper = replace(allowed, low=Accepts().low, least=Accepts().least)
    lower = replace(allowed, high=Accepts().high, most=Accepts().most)
    yield _last(lambda count: upper.has(at(count)), n)
    yield n - _last(lambda count: lower.has(at(n - count)), n)


def _last(holds: Callable[[int], bool], n: int) -> int:
    """The largest count that something holds of, which holds of all smaller ones; 0 if of none."""
    low, high = 0, n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _judge(side: Passing, told: Mapping[Asks, Number], unmet: frozenset[str]) -> Told:
    def answers(rule: Rule, subject: Subject) -> Number | None:
        return told.get(ask_of(rule, subject))

    setting = Setting(
        today=side.context.today,
        checkpoint=side.context.checkpoint,
        fail_on=side.context.fail_on,
        unmet=unmet,
        parts=named_parts(told),
    )
    return judge_told(side.policy, answers, setting, side.needs)
