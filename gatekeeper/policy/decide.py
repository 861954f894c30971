"""The rules of a policy held against the evidence: pass, fail or inconclusive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper import catalog
from gatekeeper.analysis import holm
from gatekeeper.analysis.order import halved
from gatekeeper.policy.hold import TOLERANCE, Held, Question, hold, measure, stands
from gatekeeper.policy.resolution import resolution
from gatekeeper.policy.subjects import expand
from gatekeeper.policy.wording import Crowd, explanation
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.verdict import RuleOutcome

#: Of the intervals that must lie inside the limits, unless told otherwise.
CONFIDENCE = 0.95
#: Beyond this many more prompts the value is as good as at the limit, and none would decide.
MOST_PROMPTS = 100_000
#: Rounding that a metric's own arithmetic may bring in: of prompts.
_SLACK = 1e-6
#: Units whose intervals shrink with the number of prompts.
_SHARES = ("%", "points")
_WORST_FIRST = ("fail", "inconclusive", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One subject of a rule after the claims of its family were made together.

    Attributes:
        result: `pass`, `fail` or `inconclusive`.
        family: the steps of that family.
    """

    held: Held
    result: str
    family: holm.Steps


def decide(
    evidence: Evidence,
    policy: Policy,
    asked: Sequence[tuple[Rule, Metric]],
    confidence: float,
) -> tuple[RuleOutcome, ...]:
    """Hold rules against the evidence, all of a policy's at once.

    A rule passes if for every subject the whole interval at `confidence` is inside the limit. All
    of them must hold, so no correction is due: intersection–union test, Berger (1982),
    Technometrics 24:295. Everything else is inconclusive, unless it fails. So is a subject that a
    second judge sees on the other side of the limit: it neither passes nor is a fail claimed of it
    (`policy.second`), and its place in the family stays.

    A checkpoint fails if any blocking rule fails, so "fails" is claimed of all subjects of all
    blocking rules together: at most 1 − `confidence` of checkpoints within every limit are called
    failed. Holm's step-down (`analysis.holm`) over the whole family asks each for an interval
    wholly outside at 1 − α/m, and at 1 − α/(m − r) once r stand. The family is what the policy
    asks, whatever could be measured and whatever is waived: neither a missing number nor a waiver
    makes another rule fail. A warning claims nothing of the checkpoint and is a family of its own.
    Rules that hold the estimate alone have no error rate, and are in none.
    """
    rules = [(rule, metric, _held(evidence, policy, rule, metric, confidence))
             for rule, metric in asked]  # fmt: skip
    blocking = [one for rule, _, held in rules if _joins(rule) for one in held]
    common = _steps(blocking, confidence)
    outcomes, at = [], 0
    for rule, metric, held in rules:
        if _joins(rule):
            family, start = common, at
            at += len(held)
        else:
            counted = held if rule.bound != "estimate" else []
            family, start = _steps(counted, confidence), 0
        judged = [_judge(one, family, start + i) for i, one in enumerate(held)]
        outcomes.append(_outcome(rule, metric, judged, confidence))
    return tuple(outcomes)


def held_rules(
    evidence: Evidence, policy: Policy, confidence: float
) -> list[tuple[Rule, list[Held]]]:
    """Every subject of every rule against its limit, before claims are made together."""
    asked = [(rule, catalog.load("metric", rule.metric)) for rule in policy.rules]
    return [(rule, _held(evidence, policy, rule, metric, confidence)) for rule, metric in asked]


def family_size(rule: Rule, rules: Sequence[tuple[Rule, list[Held]]]) -> int:
    """How many numbers a fail of this rule is claimed among."""
    return sum(
        len(held) for other, held in rules if other is rule or (_joins(rule) and _joins(other))
    )


def _joins(rule: Rule) -> bool:
    """Whether a rule's fail is a claim about the checkpoint."""
    return rule.severity != "warn" and rule.bound != "estimate"


def _held(
    evidence: Evidence, policy: Policy, rule: Rule, metric: Metric, confidence: float
) -> list[Held]:
    """Every subject of a rule; one that is missing if it has none."""
    ask = Question(evidence=evidence, rule=rule, metric=metric)
    subjects = expand(metric, rule, policy.needs)
    if subjects:
        return [hold(ask, subject, confidence) for subject in subjects]
    nothing = Missing(
        metric=metric.id,
        version=metric.version,
        subject=rule.subjects[0] if rule.subjects else Subject(),
        reason="the policy names nothing to measure it on",
    )
    return [Held(ask=ask, finding=nothing, result="inconclusive", margin=-math.inf)]


def _steps(family: Sequence[Held], confidence: float) -> holm.Steps:
    # At `confidence` itself all that is `beyond` was found to stand.
    claims = [
        lambda level, one=one: (
            one.result == "beyond" and (level <= confidence or stands(one, level))
        )
        for one in family
    ]
    return holm.step_down(claims, confidence)


def _judge(held: Held, family: holm.Steps, index: int) -> _Judged:
    result = held.result
    if result == "beyond":
        result = "fail" if family.stand[index] else "inconclusive"
    return _Judged(held=held, result=result, family=family)


def _outcome(
    rule: Rule, metric: Metric, judged: Sequence[_Judged], confidence: float
) -> RuleOutcome:
    ordered = sorted(judged, key=lambda j: (_WORST_FIRST.index(j.result), j.held.margin))
    worst = ordered[0]
    held, family = worst.held, worst.family
    crowd = None
    if held.result == "beyond" and worst.result == "inconclusive":
        level = family.last
        if isinstance(held.finding, Finding) and held.finding.interval.confidence > confidence:
            level = halved(level)  # of a run that was looked at
        crowd = Crowd(limits=family.still, confidence=level)
    return RuleOutcome(
        rule=rule,
        result=worst.result,
        decisive=held.finding,
        others=tuple(one.held.finding for one in ordered[1:]),
        explanation=explanation(
            metric,
            rule,
            worst.result,
            held.finding,
            len(ordered),
            crowd=crowd,
            noise=held.noise,
            second=held.second,
        ),
        more_prompts=_more_prompts(rule, ordered) if worst.result == "inconclusive" else None,
        resolution=resolution(rule, held, confidence, family.first),
    )


def _more_prompts(rule: Rule, judged: Sequence[_Judged]) -> int | None:
    """About how many more measured prompts would decide, if the observed values stay.

    None of what is no share of prompts, where half-widths do not shrink as 1/√n. One subject that
    heads outside is enough to fail; to pass, all must come inside, which nothing missing will.
    """
    limit = rule.maximum if rule.maximum is not None else rule.minimum
    if limit is None or rule.unit not in _SHARES or rule.interval != "suite":
        return None  # of a population of categories, more prompts of the same ones tell little
    failing: list[float] = []
    passing: list[float] = []
    for one in judged:
        finding = one.held.finding
        if isinstance(finding, Missing) or one.held.second is not None:
            passing.append(math.inf)
        elif one.result == "inconclusive" and one.held.noise is None:
            gap = finding.value - limit
            if gap > 0 if rule.maximum is not None else gap < 0:
                failing.append(_needed(finding, _wide(one, finding), limit))
            else:
                passing.append(_needed(finding, finding.interval, limit))
    more = min(failing) if failing else max(passing, default=math.inf)
    return max(1, math.ceil(more - _SLACK)) if more <= MOST_PROMPTS else None


def _wide(judged: _Judged, finding: Finding) -> Interval:
    """The interval that a fail would be claimed with."""
    again = measure(judged.held.ask, finding.subject, judged.family.last)
    return finding.interval if isinstance(again, Missing) else again.interval


def _needed(finding: Finding, interval: Interval, limit: float) -> float:
    """Prompts to add until the end of the interval that faces the limit reaches it."""
    value = finding.value
    gap = abs(limit - value)
    half = interval.high - value if value < limit else value - interval.low
    if gap <= TOLERANCE:
        return math.inf
    return finding.n * ((half / gap) ** 2 - 1)
