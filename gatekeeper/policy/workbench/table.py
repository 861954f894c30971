"""All that one audit says of a policy, whatever the limits are: what a page slides limits over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gatekeeper.analysis.power import POWER
from gatekeeper.errors import excerpt
from gatekeeper.policy.decide_rules import CONFIDENCE, joins, questions
from gatekeeper.policy.evaluate import in_columns, judged_metric
from gatekeeper.policy.floors import floors
from gatekeeper.policy.limit_check import Question, measure
from gatekeeper.policy.needs import well_judged
from gatekeeper.policy.recalled import recalled
from gatekeeper.policy.rule_needs import floors_behind, independent, shortfalls
from gatekeeper.policy.workbench.faults import edge
from gatekeeper.policy.workbench.grid import Slider, limitless, sliders, with_limit
from gatekeeper.policy.workbench.steps import NOT_HELD, Step, steps_of
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule

#: Limits at which prompts are counted: shares of what may be lost.
_MARKS = (5.0, 10.0, 15.0, 20.0, 30.0, 50.0)


def table(
    evidence: Evidence, policy: Policy, card: JudgeCard | None, baseline: Evidence | None
) -> list[dict[str, Any]]:
    """Of each rule its numbers at every limit, and the limits for which its prompts are enough.

    As plain data; remembered, as it takes seconds, and the same for a policy with other limits.
    """
    sized = policy.sized(evidence.model.maskable_experts)
    card = None if policy.needs.judge_card is None else card
    if not any(rule.regression for rule in policy.rules):
        baseline = None
    found: list[dict[str, Any]] = _table(evidence, limitless(sized), card, baseline)
    return found


def prompts(evidence: Evidence, policy: Policy) -> list[list[list[float | None]] | None]:
    """Of each slider, prompts for an 80 % chance of a decision at some limits; None if unknown.

    None instead of a number of prompts where no number is enough.
    """
    sized = limitless(policy.sized(evidence.model.maskable_experts))
    found: list[list[list[float | None]] | None] = _prompts(evidence, sized)
    return found


@recalled("prompts for limits")
def _prompts(_evidence: Evidence, policy: Policy) -> list[list[list[float | None]] | None]:
    return [_marks(policy, slider.rule) for slider in sliders(policy)]


def _marks(policy: Policy, rule: Rule) -> list[list[float | None]] | None:
    marks = []
    for mark in _MARKS if rule.unit in {"%", "points"} else ():
        limit = mark if rule.maximum is not None else 100 - mark
        found = floors(_alone(policy, with_limit(rule, limit)), power=POWER)
        if rule.id not in found:
            return None
        marks.append([limit, found[rule.id]])
    return marks or None


def _alone(policy: Policy, rule: Rule) -> Policy:
    """The policy with a rule as given, and its others with limits that nothing is planned for."""
    rules = (rule if r.id == rule.id else _unplanned(r) for r in policy.rules)
    return replace(policy, rules=tuple(rules))


def _unplanned(rule: Rule) -> Rule:
    return replace(
        rule,
        maximum=None if rule.maximum is None else 100.0,
        minimum=None if rule.minimum is None else 0.0,
    )


@recalled("limits slid")
def _table(
    evidence: Evidence, policy: Policy, card: JudgeCard | None, baseline: Evidence | None
) -> list[dict[str, Any]]:
    evidence, judged = in_columns(evidence), well_judged(evidence)
    rules = [(rule, judged_metric(rule, judged=judged)) for rule in policy.rules]
    return table_of(evidence, policy, rules, card, baseline)


def table_of(
    evidence: Evidence,
    policy: Policy,
    rule_metrics: Sequence[tuple[Rule, Metric]],
    card: JudgeCard | None = None,
    baseline: Evidence | None = None,
) -> list[dict[str, Any]]:
    """The table of an audit by these metrics; the policy is sized for its model."""
    asked = [
        (rule, *questions(evidence, policy, rule, metric, card, baseline))
        for rule, metric in rule_metrics
    ]
    counts = [len(subjects) * len(asks) or 1 for _, asks, subjects in asked]
    together = sum(n for (rule, *_), n in zip(asked, counts, strict=True) if joins(rule))
    slid = sliders(policy)
    return [
        {
            "numbers": [*_numbers(asks, subjects, own, together if joins(rule) else count)],
            "enough": [_enough(evidence, policy, asks[0], slider, subjects) for slider in own],
        }
        for (rule, asks, subjects), count, own in (
            (one, count, [s for s in slid if s.rule.id == one[0].id])
            for one, count in zip(asked, counts, strict=True)
        )
    ]


def _numbers(
    asks: Sequence[Question],
    subjects: Sequence[Subject],
    own: Sequence[Slider],
    family: int,
) -> Iterator[str]:
    """Of each number: what it is of, its slider, what was measured, and its steps.

    As JSON each: many are the same in many audits, and need not be read for that.
    """
    if not subjects:
        yield json.dumps(["", 0, [None], [0, NOT_HELD, 0, 0]])
    for subject in subjects:
        for side, ask in enumerate(asks):
            steps = steps_of(ask, subject, CONFIDENCE, own[side].values, family)
            yield json.dumps([_name(subject), side, *_plain(steps)], separators=(",", ":"))


def _plain(steps: Sequence[Step]) -> tuple[list[Any], list[Any]]:
    """The different numbers; and of each step where it begins, its code, among how many claims it
    stands, and which number it is of.
    """
    numbers = list(dict.fromkeys(step.number for step in steps))
    flat = [(s.first, s.code, s.still, numbers.index(s.number)) for s in steps]
    return [n and list(n) for n in numbers], [part for step in flat for part in step]


def _name(subject: Subject) -> str:
    return ", ".join(f"{key} {excerpt(setting, 40)}" for key, setting in subject.items())


def _enough(
    evidence: Evidence,
    policy: Policy,
    ask: Question,
    slider: Slider,
    subjects: Sequence[Subject],
) -> list[int]:
    """First and last limit for which a rule rests on enough prompts; an empty range if none."""
    last = len(slider.values) - 1
    if slider.rule.severity == "warn" or not subjects:
        return [0, last]
    found = [measure(ask, subject, CONFIDENCE) for subject in subjects]
    count = min((independent(f) for f in found if isinstance(f, Finding)), default=0)

    def enough(index: int) -> bool:
        at = slider.at(index)
        moved = _alone(policy, at) if slider.key != "between" else policy
        return not any(shortfalls(at, found, policy, floors_behind(evidence, moved, count)))

    # At an end nothing is planned for, so that it says nothing of the limits before it.
    first, final = _range(enough, 1, last - 1)
    if first > final:
        return [first, final]
    return [first - (first == 1 and enough(0)), final + (final == last - 1 and enough(last))]


def _range(holds: Callable[[int], bool], first: int, last: int) -> list[int]:
    """The first and the last index that hold, of a run without a gap."""
    # Half way few prompts are enough, if they are anywhere.
    likely = (last // 2, last // 4, 3 * last // 4, last // 8, 7 * last // 8)
    inside = next((i for i in likely if holds(i)), None)
    if inside is None:
        return [1, 0]
    return [edge(holds, inside, first), edge(holds, inside, last)]
