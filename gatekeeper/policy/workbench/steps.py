"""One number of a rule against every limit that its slider takes: pass, fail or open, in steps.

Each step is what `limit_check.hold` says at one limit, and for how many claims made together
`limit_check.stands` lets it fail: nothing here knows how an interval is held against a limit. Only
at limits beside a number that is compared can the answer change, so these are asked, and all
limits where it cannot be told which numbers are compared.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from gatekeeper.policy.limit_check import LimitCheck, Question, hold, stands
from gatekeeper.policy.questions import noise_floor
from gatekeeper.policy.undecided import told_otherwise
from gatekeeper.policy.workbench.grid import with_limit
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Opinion, Subject
from gatekeeper.records.plugins import Metric

#: How a limit is held: passes; lies wholly outside, and so fails if that stands among all claims;
#: is open; is open for a reason that no limit was held against; fails by its estimate alone.
PASS, BEYOND, OPEN, NOT_HELD, FAIL = "pbixf"
#: Far more than `limit_check.TOLERANCE`, and far less than a step.
_ALIKE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From one limit to the next step.

    Attributes:
        first: of the slider's values.
        code: see above.
        still: the most claims among which a fail stands; 0 where it is none.
        number: value, lower and upper end, n; None if it was not measured.
    """

    first: int
    code: str
    still: int
    number: tuple[float, float, float, int] | None


def steps_of(
    ask: Question, subject: Subject, confidence: float, values: Sequence[float], family: int
) -> tuple[Step, ...]:
    """How a number stands at each limit.

    Args:
        ask: its rule has one limit, of any size.
        values: of the limit, in order.
        family: claims made together, with its own.
    """
    seen = _Seen(ask.metric)
    ask = replace(ask, metric=seen.metric)

    def at(index: int) -> LimitCheck:
        asked = replace(ask, rule=with_limit(ask.rule, values[index]))
        return hold(asked, subject, confidence)

    first = at(0)
    if isinstance(first.finding, Missing):
        return (Step(first=0, code=NOT_HELD, still=0, number=None),)
    checks = _all_checks(ask, subject, seen, values, at)
    stills = _stills(checks, values, confidence, family)
    return _joined(checks, stills)


def _all_checks(
    ask: Question,
    subject: Subject,
    seen: _Seen,
    values: Sequence[float],
    at: Callable[[int], LimitCheck],
) -> list[LimitCheck]:
    last = len(values) - 1
    if ask.rule.regression or ask.card is not None:
        return [at(i) for i in range(last + 1)]
    at(last)
    near = {0, last}
    for number in (*seen.numbers(), *_noise(ask, subject)):
        # One at a limit may count for either side.
        sides = bisect_left(values, number - _ALIKE), bisect_left(values, number + _ALIKE)
        near |= {i for side in sides for i in (side - 1, side) if 0 <= i <= last}
    asked = sorted(near)
    checks = [at(asked[0])]
    for before, i in pairwise(asked):
        check = at(i)
        checks += [checks[-1]] * (i - before - 1) + [check]
    return checks


def _noise(ask: Question, subject: Subject) -> Iterator[float]:
    """The noise that limits lie above, whatever open replies are told to be."""
    name = subject.set or "regular"
    for cut in (True, False):
        for evidence in (ask.evidence, *told_otherwise(ask.evidence, ask.metric, subject, cut=cut)):
            yield 100 * noise_floor(evidence, name)


def _stills(
    checks: Sequence[LimitCheck], values: Sequence[float], confidence: float, family: int
) -> list[int]:
    """For each limit, the most claims still open among which a fail stands.

    From the limit that is nearest to the number outward: the further it lies, the more it stands
    among.
    """
    stills, known = [0] * len(checks), 1
    beyond = [i for i, check in enumerate(checks) if check.result == "beyond"]
    upper = checks[0].ask.rule.maximum is not None
    for i in sorted(beyond, reverse=upper):
        if known < family:
            ask = checks[i].ask
            rule = with_limit(ask.rule, values[i])
            check = replace(checks[i], ask=replace(ask, rule=rule))
            known = _most(check, known, family, 1 - confidence)
        stills[i] = known
    return stills


def _most(check: LimitCheck, known: int, family: int, alpha: float) -> int:
    """The most claims among which it stands, at least as many as are known."""

    def among(still: int) -> bool:
        return still == 1 or stands(check, 1 - alpha / still)

    step, low = 1, known
    while low < family and among(min(low + step, family)):
        low, step = min(low + step, family), 2 * step
    high = min(low + step, family + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if among(middle) else (low, middle)
    return low


def _joined(checks: Sequence[LimitCheck], stills: Sequence[int]) -> tuple[Step, ...]:
    steps = list[Step]()
    before: tuple[LimitCheck | None, int] = None, 0
    for i, (check, still) in enumerate(zip(checks, stills, strict=True)):
        if check is before[0] and still == before[1]:
            continue
        before = check, still
        code, number = _code(check), _number(check)
        last = steps[-1] if steps else None
        if last is None or (last.code, last.still, last.number) != (code, still, number):
            steps.append(Step(first=i, code=code, still=still, number=number))
    return tuple(steps)


def _code(check: LimitCheck) -> str:
    if check.result == "inconclusive":
        return OPEN if check.margin > -math.inf else NOT_HELD
    return {"pass": PASS, "beyond": BEYOND, "fail": FAIL}[check.result]


def _number(check: LimitCheck) -> tuple[float, float, float, int] | None:
    finding = check.finding
    if isinstance(finding, Missing):
        return None
    low, high = finding.interval.low, finding.interval.high
    return float(finding.value), float(low), float(high), int(finding.n)


class _Seen:
    """A metric that measures each number once, and remembers what it said."""

    def __init__(self, metric: Metric) -> None:
        # With the evidence, so that no other takes its place in memory.
        self._found = dict[tuple[Any, ...], tuple[Evidence, Any]]()
        second = metric.second
        self.metric = replace(
            metric,
            measure=self._once("", metric.measure),
            second=None if second is None else self._once("second", second),
        )

    def _once(self, name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        def ask(evidence: Evidence, subject: Subject, confidence: float) -> Any:
            key = (name, id(evidence), subject, confidence)
            if key not in self._found:
                self._found[key] = evidence, answer(evidence, subject, confidence)
            return self._found[key][1]

        return ask

    def numbers(self) -> set[float]:
        """All that a limit was held against."""
        numbers = set[float]()
        for _, found in self._found.values():
            if isinstance(found, Finding):
                numbers |= {found.value, found.interval.low, found.interval.high}
            elif isinstance(found, Opinion):
                numbers.add(found.value)
        return {float(number) for number in numbers if math.isfinite(number)}
