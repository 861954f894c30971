"""The rules of a policy held against the evidence: pass, fail or inconclusive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from gatekeeper import catalog
from gatekeeper.analysis import holm
from gatekeeper.analysis.order import halved
from gatekeeper.policy.limit_check import LimitCheck, Question, hold, measure, stands
from gatekeeper.policy.more_prompts import Open, more_prompts
from gatekeeper.policy.questions import part_names
from gatekeeper.policy.resolution import resolution
from gatekeeper.policy.subjects import expand
from gatekeeper.policy.wording import Crowd, explanation
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule
from gatekeeper.records.verdict import MorePrompts, RuleOutcome

#: Of the intervals that must lie inside the limits, unless told otherwise.
CONFIDENCE = 0.95
_WORST_FIRST = ("fail", "inconclusive", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One subject of a rule after the claims of its family were made together.

    Attributes:
        result: `pass`, `fail` or `inconclusive`.
        family: the steps of that family.
    """

    held: LimitCheck
    result: str
    family: holm.Steps


def decide(
    evidence: Evidence,
    policy: Policy,
    rule_metrics: Sequence[tuple[Rule, Metric]],
    confidence: float,
    card: JudgeCard | None = None,
    baseline: Evidence | None = None,
    *,
    advise: bool = True,
) -> tuple[RuleOutcome, ...]:
    """Hold rules against the evidence, all of a policy's at once.

    A rule passes if for every subject the whole interval at `confidence` is inside the limit. All
    of them must hold, so no correction is due: intersection–union test, Berger (1982),
    Technometrics 24:295. Everything else is inconclusive, unless it fails. So is a subject that a
    second judge sees on the other side of the limit: it neither passes nor is a fail claimed of it
    (`policy.second_judge`), and its place in the family stays.

    A checkpoint fails if any blocking rule fails, so "fails" is claimed of all subjects of all
    blocking rules together: at most 1 − `confidence` of checkpoints within every limit are called
    failed. Holm's step-down (`analysis.holm`) over the whole family asks each for an interval
    wholly outside at 1 − α/m, and at 1 − α/(m − r) once r stand. The family is what the policy
    asks, whatever could be measured and whatever is waived: neither a missing number nor a waiver
    makes another rule fail. A warning claims nothing of the checkpoint and is a family of its own.
    Rules that hold the estimate alone have no error rate, and are in none.

    Args:
        advise: whether to say how many more prompts would decide a rule, and what could be told.
    """
    rules = [(rule, metric, _held(evidence, policy, rule, metric, confidence, card, baseline))
             for rule, metric in rule_metrics]  # fmt: skip
    blocking = [check for rule, _, checks in rules if joins(rule) for check in checks]
    common = _steps(blocking, confidence)
    outcomes, at = [], 0
    for rule, metric, checks in rules:
        if joins(rule):
            family, start = common, at
            at += len(checks)
        else:
            counted = checks if rule.bound != "estimate" else []
            family, start = _steps(counted, confidence), 0
        judged = [_judge(check, family, start + i) for i, check in enumerate(checks)]
        outcome = _outcome(rule, metric, judged, confidence)
        outcomes.append(_advised(outcome, judged, confidence) if advise else outcome)
    return tuple(outcomes)


def held_rules(
    evidence: Evidence, policy: Policy, confidence: float
) -> list[tuple[Rule, list[LimitCheck]]]:
    """Every subject of every rule against its limit, before claims are made together."""
    rules = [(rule, catalog.load("metric", rule.metric)) for rule in policy.rules]
    return [(rule, _held(evidence, policy, rule, metric, confidence)) for rule, metric in rules]


def family_size(rule: Rule, rules: Sequence[tuple[Rule, Sequence[object]]]) -> int:
    """How many numbers a fail of this rule is claimed among; rules with what each is asked of."""
    return sum(
        len(checks) for other, checks in rules if other is rule or (joins(rule) and joins(other))
    )


def _one(rule: Rule) -> bool:
    """Whether it has one limit: what would decide a rule with two is not told."""
    return len(rule.sides()) == 1


def joins(rule: Rule) -> bool:
    """Whether a rule's fail is a claim about the checkpoint, made together with all others."""
    return rule.severity != "warn" and rule.bound != "estimate"


def _held(
    evidence: Evidence,
    policy: Policy,
    rule: Rule,
    metric: Metric,
    confidence: float,
    card: JudgeCard | None = None,
    baseline: Evidence | None = None,
) -> list[LimitCheck]:
    """Every subject of a rule, on each side of its limits; one that is missing if it has none."""
    asks, subjects = questions(evidence, policy, rule, metric, card, baseline)
    if subjects:
        return [hold(ask, subject, confidence) for subject in subjects for ask in asks]
    nothing = Missing(
        metric=metric.id,
        version=metric.version,
        subject=rule.subjects[0] if rule.subjects else Subject(),
        reason="the policy names nothing to measure it on",
    )
    return [LimitCheck(ask=asks[0], finding=nothing, result="inconclusive", margin=-math.inf)]


def questions(
    evidence: Evidence,
    policy: Policy,
    rule: Rule,
    metric: Metric,
    card: JudgeCard | None = None,
    baseline: Evidence | None = None,
) -> tuple[list[Question], tuple[Subject, ...]]:
    """What a rule asks, one for each side of its limits, and of which subjects."""
    asks = [
        Question(evidence=evidence, rule=side, metric=metric, card=card, baseline=baseline)
        for side in rule.sides()
    ]
    return asks, expand(metric, rule, policy.needs, partial(_parts, evidence))


def _parts(evidence: Evidence, subject: Subject) -> tuple[str, ...]:
    """The categories, or languages, that a subject of each of them stands for."""
    return part_names(evidence, subject.set or "regular", subject.each or "")


def _steps(family: Sequence[LimitCheck], confidence: float) -> holm.Steps:
    # At `confidence` itself all that is `beyond` was found to stand.
    claims = [
        lambda level, check=check: (
            check.result == "beyond" and (level <= confidence or stands(check, level))
        )
        for check in family
    ]
    return holm.step_down(claims, confidence)


def _judge(check: LimitCheck, family: holm.Steps, index: int) -> _Judged:
    result = check.result
    if result == "beyond":
        result = "fail" if family.stand[index] else "inconclusive"
    return _Judged(held=check, result=result, family=family)


def _worst_first(judged: _Judged) -> tuple[int, bool, float]:
    """Sorts subjects by result; within one, what no limit was held against goes first, and then the
    worst value: the one with the widest interval, which lies nearest to the limit, may be small.
    """
    finding, rule = judged.held.finding, judged.held.ask.rule
    worst = 0.0
    if isinstance(finding, Finding):
        worst = -finding.value if rule.maximum is not None else finding.value
    return _WORST_FIRST.index(judged.result), judged.held.margin > -math.inf, worst


def _in_order(rule: Rule, judged: Sequence[_Judged]) -> list[_Judged]:
    ordered = sorted(judged, key=_worst_first)
    return ordered if _one(rule) else _once(ordered)


def _advised(outcome: RuleOutcome, judged: Sequence[_Judged], confidence: float) -> RuleOutcome:
    """The outcome with what could have been told, and what would decide an open rule."""
    rule, ordered = outcome.rule, _in_order(outcome.rule, judged)
    if not _one(rule):
        return outcome
    worst = ordered[0]
    return replace(
        outcome,
        more_prompts=_more_prompts(rule, ordered) if worst.result == "inconclusive" else None,
        resolution=resolution(rule, worst.held, confidence, worst.family.first),
    )


def _outcome(
    rule: Rule, metric: Metric, judged: Sequence[_Judged], confidence: float
) -> RuleOutcome:
    ordered = _in_order(rule, judged)
    worst = ordered[0]
    check, family = worst.held, worst.family
    crowd = None
    if check.result == "beyond" and worst.result == "inconclusive":
        level = family.last
        if isinstance(check.finding, Finding) and check.finding.interval.confidence > confidence:
            level = halved(level)  # of a run that was looked at
        crowd = Crowd(limits=family.still, confidence=level)
    return RuleOutcome(
        rule=rule,
        result=worst.result,
        decisive=check.finding,
        others=tuple(entry.held.finding for entry in ordered[1:]),
        explanation=explanation(
            metric,
            rule,
            worst.result,
            check.finding,
            len(ordered),
            largest=_largest(
                check.ask.rule, check.finding, [entry.held.finding for entry in ordered]
            ),
            crowd=crowd,
            noise=check.noise,
            second=check.second,
            undecided=check.undecided,
        ),
        more_prompts=None,
        obstacle=_obstacle(check) if worst.result == "inconclusive" else None,
    )


def _once(judged: Sequence[_Judged]) -> list[_Judged]:
    """Each subject once, with the side of the limits that comes first."""
    first: dict[Subject, _Judged] = {}
    for entry in judged:
        first.setdefault(entry.held.finding.subject, entry)
    return list(first.values())


def _largest(rule: Rule, decisive: Finding | Missing, all_: Sequence[Finding | Missing]) -> bool:
    """Whether no other number of a rule is worse than one of them."""
    values = [finding.value for finding in all_ if isinstance(finding, Finding)]
    if isinstance(decisive, Missing) or not values:
        return True
    return decisive.value == (max(values) if rule.maximum is not None else min(values))


def _more_prompts(rule: Rule, judged: Sequence[_Judged]) -> MorePrompts | None:
    """What would decide a rule: see `policy.more_prompts`."""
    heading, stuck = [], False
    for entry in judged:
        finding = entry.held.finding
        if isinstance(finding, Missing) or _obstacle(entry.held) is not None:
            stuck = True
        elif entry.result == "inconclusive":
            interval = _wide(entry, finding) if _beyond(rule, finding) else finding.interval
            heading.append(Open(finding=finding, interval=interval))
    return more_prompts(rule, heading, stuck=stuck)


def _beyond(rule: Rule, finding: Finding) -> bool:
    """Whether the value itself lies outside the limit."""
    if rule.maximum is not None:
        return finding.value > rule.maximum
    return rule.minimum is not None and finding.value < rule.minimum


def _obstacle(check: LimitCheck) -> str | None:
    """What keeps a rule open whatever prompts are added, as `RuleOutcome.obstacle`."""
    if check.noise is not None:
        return "noise"
    if check.second is not None:
        return "second judge"
    return "undecided" if check.undecided else None


def _wide(judged: _Judged, finding: Finding) -> Interval:
    """The interval that a fail would be claimed with."""
    again = measure(judged.held.ask, finding.subject, judged.family.last)
    return finding.interval if isinstance(again, Missing) else again.interval
