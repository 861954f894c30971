"""Told numbers as metrics would give them, each with the interval that so many prompts give."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gatekeeper import catalog
from gatekeeper.analysis.intervals import tango, wilson
from gatekeeper.policy.regression import OUTCOME_OF, together
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric

_UNTOLD = "the test tells no number"
#: `Metric.counts` of a difference between two differences: no count of prompts tells its interval.
_NO_COUNT = "differences"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """What a metric is told to answer: a count, a value with or without its interval, or nothing.

    Attributes:
        count, won: prompts counted, of `n`, and, of a drop, those that turned the other way.
        value: in the unit of the metric; of `n` prompts where no interval is told.
        low, high: ends of the interval, the same at any confidence.
        before: the baseline's number, of which this is then the change for the worse.
        early: whether it is of a run that stopped early.
        missing: why there is no number.
    """

    count: float | None = None
    won: float = 0.0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    before: Number | None = None
    early: bool = False
    missing: str | None = None


def metric_of(name: str, *, regression: bool) -> Metric:
    """A metric, or the one that answers by how much its number is worse than a baseline's."""
    metric: Metric = catalog.load("metric", name)
    if not regression:
        return metric
    return replace(metric, unit="points", counts="pairs" if name in OUTCOME_OF else _NO_COUNT)


def finding(
    metric: Metric, subject: Subject, number: Number | None, confidence: float
) -> Finding | Missing:
    """A told number as the metric would give it: Wilson's interval of a rate, Tango's of a drop."""
    if number is None or number.missing is not None:
        reason = _UNTOLD if number is None else str(number.missing)
        return Missing(metric=metric.id, version=metric.version, subject=subject, reason=reason)
    if number.before is not None:
        return _worse(metric, subject, number, number.before, confidence)
    value, interval, counts = _measured(metric, number, confidence)
    if number.early:
        counts = {**counts, "planned": max(1, number.n)}
    return Finding(
        metric=metric.id,
        version=metric.version,
        subject=subject,
        value=value,
        unit=metric.unit,
        interval=interval,
        n=max(1, number.n),
        clusters=max(1, number.n),
        counts=counts,
    )


def _worse(
    metric: Metric, subject: Subject, number: Number, before: Number, confidence: float
) -> Finding | Missing:
    """By how much a told number is worse than its baseline's, as of other prompts than that."""
    own: Metric = catalog.load("metric", metric.id)
    now = finding(own, subject, replace(number, before=None), confidence)
    then = finding(own, subject, before, confidence)
    if isinstance(now, Missing) or isinstance(then, Missing):
        return now if isinstance(now, Missing) else then
    sign = 1.0 if own.more_is_worse(subject) else -1.0
    value, interval = sign * (now.value - then.value), together(now, then, sign)
    counts = {key: n for key, n in {**then.counts, **now.counts}.items() if key == "planned"}
    return replace(now, value=value, unit=metric.unit, interval=interval, counts=counts)


def _measured(
    metric: Metric, number: Number, confidence: float
) -> tuple[float, Interval, dict[str, float]]:
    """Value, interval and counts of a told number."""
    if number.low is not None or number.high is not None or not counted(metric):
        return _as_told(number, confidence)
    lost = number.count
    if lost is None:
        share = (number.value or 0.0) / 100 * number.n
        lost, won = max(share, 0.0), max(-share, 0.0)
    else:
        won = number.won
    if is_paired(metric):
        interval, counts = tango(lost, won, number.n, confidence), {"lost": lost, "won": won}
    else:
        interval, counts = wilson(lost, number.n, confidence), {}
    value = 100 * (lost - won) / number.n
    scaled = replace(interval, low=100 * interval.low, high=100 * interval.high)
    return value, scaled, counts


def _as_told(number: Number, confidence: float) -> tuple[float, Interval, dict[str, float]]:
    ends = [end for end in (number.low, number.high, number.value) if end is not None]
    low = min(ends) if number.low is None else number.low
    high = max(ends) if number.high is None else number.high
    value = (low + high) / 2 if number.value is None else number.value
    return value, Interval(low=low, high=high, confidence=confidence, method="as told"), {}


def counted(metric: Metric) -> bool:
    """Whether a number of it is a share of prompts, so that a count tells its interval."""
    return metric.unit in {"%", "points"} and metric.counts != _NO_COUNT


def is_paired(metric: Metric) -> bool:
    """Whether it is a difference between two replies to the same prompt."""
    return metric.unit == "points" and metric.counts != "shares"
