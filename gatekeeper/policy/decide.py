"""One rule held against the evidence: pass, fail or inconclusive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.analysis.noise import floor
from gatekeeper.policy.subjects import expand
from gatekeeper.policy.wording import explanation
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.verdict import RuleOutcome

#: Of the intervals that must lie inside the limits, unless told otherwise.
CONFIDENCE = 0.95
#: In units of the metric. A share times 100 misses a whole limit by some 1e-14; no audit has the
#: 1e10 prompts at which two different rates would be this near to each other.
TOLERANCE = 1e-9
#: Beyond this many more prompts the value is as good as at the limit, and none would decide.
MOST_PROMPTS = 100_000
#: Rounding that a metric's own arithmetic may bring in: of a value in its interval, of prompts.
_SLACK = 1e-6
#: Units whose intervals shrink with the number of prompts.
_SHARES = ("%", "points")
#: The unit of differences between a masked reply and an unmasked one.
_PAIRED = "points"
_WORST_FIRST = ("fail", "inconclusive", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked of each subject of a rule."""

    evidence: Evidence
    rule: Rule
    metric: Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """One subject of a rule.

    Attributes:
        margin: distance of the interval's nearer end to the limit; negative outside.
        wide: the interval at the level that a fail is claimed at.
        noise: outcomes that flip without a mask, in points, if the limit lies below them.
    """

    finding: Finding | Missing
    result: str
    margin: float
    wide: Interval | None
    noise: float | None = None


def decide(
    evidence: Evidence, policy: Policy, rule: Rule, metric: Metric, confidence: float
) -> RuleOutcome:
    """Hold one rule against the evidence.

    Passes if for every subject the whole interval at `confidence` is inside the limit: all of them
    must hold, so no correction is due (intersection–union test). Fails if for any of m subjects the
    interval at 1 − α/m lies wholly outside: Bonferroni, which for "does any fail" equals the first
    step of Holm (1979), Scand. J. Statist. 6:65. Everything else is inconclusive, and so is a limit
    on what masks cost that is smaller than what flips without any (`analysis.noise`).
    """
    subjects = expand(metric, rule, policy.needs)
    if not subjects:
        nothing = Missing(
            metric=metric.id,
            version=metric.version,
            subject=rule.subjects[0] if rule.subjects else Subject(),
            reason="the policy names nothing to measure it on",
        )
        held = [_Held(finding=nothing, result="inconclusive", margin=-math.inf, wide=None)]
    else:
        strict = 1 - (1 - confidence) / len(subjects)
        ask = _Question(evidence=evidence, rule=rule, metric=metric)
        held = [_hold(ask, subject, confidence, strict) for subject in subjects]
    held.sort(key=lambda h: (_WORST_FIRST.index(h.result), h.margin))
    worst = held[0]
    return RuleOutcome(
        rule=rule,
        result=worst.result,
        decisive=worst.finding,
        others=tuple(h.finding for h in held[1:]),
        explanation=explanation(
            metric,
            rule,
            worst.result,
            worst.finding,
            len(held),
            crowded=_crowded(rule, worst),
            noise=worst.noise,
        ),
        more_prompts=_more_prompts(rule, held) if worst.result == "inconclusive" else None,
    )


def _hold(ask: _Question, subject: Subject, confidence: float, strict: float) -> _Held:
    rule = ask.rule
    finding = _measure(ask, subject, confidence)
    if isinstance(finding, Missing):
        return _Held(finding=finding, result="inconclusive", margin=-math.inf, wide=None)
    noise = 100 * floor(ask.evidence, subject.set or "regular")
    if ask.metric.unit == _PAIRED and rule.maximum is not None and noise > rule.maximum:
        return _Held(
            finding=finding, result="inconclusive", margin=-math.inf, wide=None, noise=noise
        )
    low, high = finding.interval.low, finding.interval.high
    if rule.bound == "estimate":
        low = high = finding.value
    margin = _margin(rule, low, high)
    if margin >= -TOLERANCE:
        return _Held(finding=finding, result="pass", margin=margin, wide=None)
    if rule.bound == "estimate":
        return _Held(finding=finding, result="fail", margin=margin, wide=None)
    wide = finding.interval
    if strict > confidence:
        again = _measure(ask, subject, strict)
        if isinstance(again, Missing):
            return _Held(finding=again, result="inconclusive", margin=-math.inf, wide=None)
        wide = again.interval
    # Both, because a resampled interval at a higher level need not contain that at a lower one.
    outside = _outside(rule, finding.interval) and _outside(rule, wide)
    result = "fail" if outside else "inconclusive"
    return _Held(finding=finding, result=result, margin=margin, wide=wide)


def _margin(rule: Rule, low: float, high: float) -> float:
    """Room left to the limit; none for a rule made by hand with no limit, or with two."""
    if rule.maximum is not None and rule.minimum is None:
        return rule.maximum - high
    if rule.minimum is not None and rule.maximum is None:
        return low - rule.minimum
    return -math.inf


def _outside(rule: Rule, interval: Interval) -> bool:
    if rule.maximum is not None:
        return interval.low > rule.maximum + TOLERANCE
    return rule.minimum is not None and interval.high < rule.minimum - TOLERANCE


def _crowded(rule: Rule, held: _Held) -> bool:
    """Whether it would be a fail, were it the only subject."""
    found = held.finding
    alone = isinstance(found, Finding) and _outside(rule, found.interval)
    return alone and held.result == "inconclusive" and held.noise is None


def _measure(ask: _Question, subject: Subject, confidence: float) -> Finding | Missing:
    """What the metric says, if it makes sense; a broken number is missing, not a number."""
    metric = ask.metric
    found = metric.measure(ask.evidence, subject, confidence)
    if isinstance(found, Missing):
        return found
    reason = _nonsense(found, ask.rule, confidence)
    if reason is None:
        return found
    return Missing(metric=metric.id, version=metric.version, subject=subject, reason=reason)


def _nonsense(found: Finding, rule: Rule, confidence: float) -> str | None:
    interval = found.interval
    numbers = [found.value, interval.low, interval.high, interval.confidence]
    numbers += [*found.counts.values(), found.p_value or 0.0]
    if not all(math.isfinite(x) for x in numbers):
        return "the metric gave a number that is not finite"
    if not interval.low - _SLACK <= found.value <= interval.high + _SLACK:
        return "the metric gave a value outside its own interval"
    if found.n < 1:
        return "the metric counted no prompts"
    if found.unit != rule.unit:
        return f"the metric answered in {found.unit}, the limit is in {rule.unit}"
    if interval.confidence < confidence - TOLERANCE:
        return "the metric gave a narrower interval than asked for"
    return None


def _more_prompts(rule: Rule, held: Sequence[_Held]) -> int | None:
    """About how many more measured prompts would decide, if the observed values stay.

    None of what is no share of prompts, where half-widths do not shrink as 1/√n. One subject that
    heads outside is enough to fail; to pass, all must come inside, which nothing missing will.
    """
    limit = rule.maximum if rule.maximum is not None else rule.minimum
    if limit is None or rule.unit not in _SHARES:
        return None
    failing: list[float] = []
    passing: list[float] = []
    for one in held:
        if isinstance(one.finding, Missing):
            passing.append(math.inf)
        elif one.result == "inconclusive" and one.wide is not None:
            gap = one.finding.value - limit
            outside = gap > 0 if rule.maximum is not None else gap < 0
            interval = one.wide if outside else one.finding.interval
            (failing if outside else passing).append(_needed(one.finding, interval, limit))
    more = min(failing) if failing else max(passing, default=math.inf)
    return max(1, math.ceil(more - _SLACK)) if more <= MOST_PROMPTS else None


def _needed(finding: Finding, interval: Interval, limit: float) -> float:
    """Prompts to add until the end of the interval that faces the limit reaches it."""
    value = finding.value
    gap = abs(limit - value)
    half = interval.high - value if value < limit else value - interval.low
    if gap <= TOLERANCE:
        return math.inf
    return finding.n * ((half / gap) ** 2 - 1)
