"""Withholds the claim about a number that a second judge sees on the other side of its limit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gatekeeper.policy.recalled import opinion_from_json, opinion_to_json, recalled
from gatekeeper.policy.regression import together
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Opinion, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Rule
from gatekeeper.records.verdict import RuleOutcome

#: Rounding of shares times 100, as `hold.TOLERANCE`.
_TOLERANCE = 1e-9


def contradiction(
    evidence: Evidence,
    rule: Rule,
    metric: Metric,
    finding: Finding,
    baseline: Evidence | None = None,
) -> Opinion | None:
    """The second judge's number, if it lies on the other side of the rule's limit; else None.

    It can only take a claim away: neither a pass nor a fail ever rests on it. What is no number
    lies on neither side, and takes the claim away too.

    Args:
        baseline: what a rule on how much worse a number may become compares with.
    """
    other = second_number(evidence, rule, metric, finding, baseline)
    return other if other is not None and contradicts(rule, finding.value, other.value) else None


def second_number(
    evidence: Evidence,
    rule: Rule,
    metric: Metric,
    finding: Finding,
    baseline: Evidence | None = None,
) -> Opinion | None:
    """The second judge's number, if it has any."""
    other = _opinion(evidence, rule, metric, finding, baseline)
    return other if isinstance(other, Opinion) and other.n else None


def contradicts(rule: Rule, value: float, second: float) -> bool:
    """Whether a second judge's number lies on the other side of the limit, or on neither."""
    return not math.isfinite(second) or _inside(rule, second) != _inside(rule, value)


def disputed(
    evidence: Evidence,
    metric: Metric,
    outcome: RuleOutcome,
    worst: float,
    *,
    upper: bool,
    baseline: Evidence | None = None,
) -> bool:
    """Whether the second judge sees any number of a rule on the other side of its limit.

    Or of the worst number that is waived: what only the first judge sees inside it is not shown to
    be what was accepted.
    """
    rule = outcome.rule
    accepted = replace(rule, minimum=None if upper else worst, maximum=worst if upper else None)
    sides = (rule, accepted)
    return any(
        isinstance(finding, Finding)
        and contradiction(evidence, side, metric, finding, baseline) is not None
        for finding in (outcome.decisive, *outcome.others)
        for side in sides
    )


def _opinion(
    evidence: Evidence, rule: Rule, metric: Metric, finding: Finding, baseline: Evidence | None
) -> Opinion | str | None:
    """What the second judge makes of a finding, or of its change; None where it has no say."""
    now = _said(evidence, metric, finding)
    if not rule.regression or not isinstance(now, Opinion) or baseline is None:
        return now
    if _who(evidence) != _who(baseline):
        return "the baseline was not judged by that second judge"
    then = _said(baseline, metric, finding)
    if not isinstance(then, Opinion) or not then.n or not now.n:
        return "it saw none of the replies of one of the two audits"
    sign = 1.0 if metric.more_is_worse(finding.subject) else -1.0
    return Opinion(
        value=sign * (now.value - then.value),
        interval=together(now, then, sign),
        n=min(now.n, then.n),
        unseen=now.unseen + then.unseen,
    )


def _who(evidence: Evidence) -> tuple[object, ...]:
    second = evidence.settings.second
    return () if second is None else (second.judge, second.version, dict(second.settings))


def _said(evidence: Evidence, metric: Metric, finding: Finding) -> Opinion | str | None:
    """What the second judge makes of the number of one audit."""
    if evidence.settings.second is None or metric.second is None:
        return None
    return _second(evidence, metric, finding.subject, finding.interval.confidence)


@recalled("second judge", opinion_to_json, opinion_from_json)
def _second(
    evidence: Evidence, metric: Metric, subject: Subject, confidence: float
) -> Opinion | str | None:
    return None if metric.second is None else metric.second(evidence, subject, confidence)


def _inside(rule: Rule, value: float) -> bool:
    if rule.maximum is not None and value > rule.maximum + _TOLERANCE:
        return False
    return rule.minimum is None or value >= rule.minimum - _TOLERANCE


def about_second(
    evidence: Evidence,
    rule_metrics: Sequence[tuple[Rule, Metric]],
    outcomes: Sequence[RuleOutcome],
    baseline: Evidence | None = None,
) -> Iterator[str]:
    """A line for each rule that rests on replies of which the second judge saw none, or not all."""
    for (rule, metric), outcome in zip(rule_metrics, outcomes, strict=True):
        findings = [f for f in (outcome.decisive, *outcome.others) if isinstance(f, Finding)]
        opinions = [_opinion(evidence, rule, metric, f, baseline) for f in findings]
        blind = sum(isinstance(o, str) or (o is not None and o.n == 0) for o in opinions)
        partly = sum(isinstance(o, Opinion) and o.n > 0 and o.unseen > 0 for o in opinions)
        if blind:
            yield (
                f"rule {rule.id}: the second judge saw none of the replies behind {blind} of "
                f"{len(opinions)} numbers, which rest on the first alone (a larger --second-sample)"
            )
        elif partly:
            yield (
                f"rule {rule.id}: of some kinds of replies behind {partly} of {len(opinions)} "
                "numbers the second judge saw none (a larger --second-sample)"
            )
