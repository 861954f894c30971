"""How many prompts each rule of a policy takes, before anything is measured.

As many as let a model that loses nothing pass, and one that loses twice the limit fail, each with
the wanted probability: see `analysis.enough`. Computed from the rules, so that nobody types a
number of prompts and finds out afterwards that it could not tell anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from gatekeeper import catalog
from gatekeeper.analysis.enough import MOST, Plan
from gatekeeper.analysis.intervals import CONFIDENCE
from gatekeeper.analysis.power import POWER
from gatekeeper.analysis.worst_part import LEAST
from gatekeeper.policy.decide_rules import family_size
from gatekeeper.policy.demand import Demand
from gatekeeper.policy.part_counts import PARTS, parts_of
from gatekeeper.policy.subjects import expand
from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule

_NOTHING: Mapping[Any, Any] = MappingProxyType({})
#: Where a policy asks for no refusals of a set, so many are taken to be refused: public models
#: refuse about half of the jailbreaks.
_REFUSED = 0.5
#: Prompts for an excess over random masks, against those for the drop alone: simulated with 20
#: masks that lose up to 5 % themselves, at limits of 5 and 15 points, 1.0 to 1.2 times as many.
_BESIDE = 1.2
#: Masks beside selected and random ones: benign-top, one per size; and those of two roles by each
#: of two selectors.
_ROLES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One rule with all that its demand follows from.

    Attributes:
        plan: as if the interval were Tango's or Wilson's.
        subjects: what the rule is asked of.
    """

    plan: Plan
    subjects: tuple[Subject, ...]
    policy: Policy
    parts: Mapping[tuple[str, str], int]
    refused: Mapping[str, float]


def floors(
    policy: Policy,
    *,
    power: float = POWER,
    confidence: float = CONFIDENCE,
    parts: Mapping[tuple[str, str], int] = _NOTHING,
    refused: Mapping[str, float] = _NOTHING,
    most: int = MOST,
) -> dict[str, int | None]:
    """Measured prompts of its set that each rule takes, by rule id.

    Independent prompts: those of one seed count as one. None: no number up to `most` is enough;
    of `enough.MOST`, the limit is too small to be held. For rules that are left out see `demands`,
    which takes the same arguments otherwise.
    """
    by_rule = demands(policy, power=power, confidence=confidence, parts=parts, refused=refused)
    return {rule: demand.floor(most) for rule, demand in by_rule.items()}


def demands(
    policy: Policy,
    *,
    power: float = POWER,
    confidence: float = CONFIDENCE,
    parts: Mapping[tuple[str, str], int] = _NOTHING,
    refused: Mapping[str, float] = _NOTHING,
) -> dict[str, Demand]:
    """What each rule asks of the number of prompts, by rule id.

    A rule is left out if nothing can be said beforehand: its metric names no kind of count
    (`Metric.counts`), it holds the estimate alone, or its interval is about a population of
    categories, whose spread nobody knows yet.

    A model that loses nothing refuses all that it should, where a minimum is asked; one at twice
    the limit falls short by twice as much.

    Args:
        policy: with its shares turned into sizes (`Policy.sized`).
        power: wanted probability of either.
        confidence: of the intervals that the gate holds against limits.
        parts: how many categories, languages and wrappers a set has, by set and what tells them
            apart, for rules about the worst; else `PARTS`.
        refused: share of each set's prompts that the model refused, where it was measured; else as
            many as the policy asks for.
    """
    questions = {rule.id: (rule, *_subjects(rule, policy, parts)) for rule in policy.rules}
    rules = [(rule, subjects) for rule, _, subjects in questions.values()]
    by_rule: dict[str, Demand] = {}
    for rule, metric, subjects in questions.values():
        kind, limit = metric.counts or "", _limit(rule)
        if kind not in _KINDS or limit is None or not subjects or rule.bound == "estimate":
            continue
        if rule.interval == "population":
            continue
        plan = Plan(
            limit=limit,
            paired=not kind.startswith("shares") and rule.minimum is None,
            asked=len(subjects),
            family=family_size(rule, rules),
            confidence=confidence,
            power=power,
        )
        ask = _Ask(plan=plan, subjects=subjects, policy=policy, parts=parts, refused=refused)
        demand, share = _KINDS[kind](ask), parts_of(rule.subjects[0], parts)
        by_rule[rule.id] = replace(
            demand, per_pass=share * demand.per_pass, per_fail=share * demand.per_fail
        )
    return by_rule


def _subjects(
    rule: Rule, policy: Policy, parts: Mapping[tuple[str, str], int]
) -> tuple[Metric, tuple[Subject, ...]]:
    metric: Metric = catalog.load("metric", rule.metric)

    def names(subject: Subject) -> list[str]:
        return [str(i) for i in range(parts_of(subject, parts))]

    return metric, expand(metric, rule, policy.needs, names)


def _limit(rule: Rule) -> float | None:
    """A rule's limit as a share that must not be exceeded, of prompts or of shortfalls."""
    if rule.regression or len(rule.sides()) > 1:  # what a fault would look like, nobody says
        return None
    if rule.maximum is not None:
        limit = rule.maximum / 100
    elif rule.minimum is not None:
        limit = 1 - rule.minimum / 100
    else:
        return None
    return round(limit, 12) if 0 <= limit < 1 else None


def _plain(ask: _Ask, per: float = 1.0) -> Demand:
    return Demand(passing=ask.plan, failing=ask.plan, per_pass=per, per_fail=per)


def _beside(ask: _Ask) -> Demand:
    """Prompts for an excess over random masks: some more than the drop alone takes."""
    return _plain(ask, _BESIDE)


def _by_part(ask: _Ask, of: str, refused: float = 1.0, joined: int = 0) -> Demand:
    """Prompts for a rule about the worst part: so many of each that all pass, or the worst fails.

    Bonferroni over parts, as the metric does. A suite whose parts differ in size takes more.

    Args:
        of: what tells parts apart.
        refused: share of prompts that the number rests on.
        joined: as of `Demand`.
    """
    name = ask.subjects[0].set or "regular"
    parts, plan = ask.parts.get((name, of), PARTS[of]), ask.plan
    level = 1 - (1 - plan.confidence) / parts
    plan = replace(plan, asked=plan.asked * parts, confidence=level)
    per = parts / refused
    return Demand(
        passing=plan, failing=plan, per_pass=per, per_fail=per, parts=parts, joined=joined
    )


def _refused_by(of: str) -> Callable[[_Ask], Demand]:
    return lambda ask: _by_part(ask, of, _least_refused(ask), LEAST)


def _every_mask(ask: _Ask) -> Demand:
    """Prompts for a rule about every mask: to pass all must, and a fail is claimed among all.

    Under cross-fitting each fold's mask must pass on half of the prompts. Environments are not
    planned for: their masks are more, on fewer prompts.
    """
    crossed = bool(ask.policy.needs.search.cross_fit)
    masks = max(_masks(ask.policy, subject) for subject in ask.subjects) * (3 if crossed else 1)
    plan = ask.plan
    plan = replace(plan, asked=plan.asked * masks, family=plan.family * masks)
    return Demand(passing=plan, failing=plan, per_pass=2.0 if crossed else 1.0)


def _masks(policy: Policy, subject: Subject) -> int:
    """About how many masks an audit as the policy wants it runs, up to a size.

    Random ones are run on regular prompts only.
    """
    needs = policy.needs
    sizes = sum(k <= (subject.k or 0) for k in needs.ks) or 1
    random = needs.random_masks if subject.set in {None, "regular"} else 0
    return sizes * (len(needs.selectors) * (1 + random) + 1) + _ROLES


def _refused(ask: _Ask) -> Demand:
    """Prompts of which enough are refused, where no more are than the policy asks for."""
    return _plain(ask, 1 / _least_refused(ask))


def _least_refused(ask: _Ask) -> float:
    """Share of the set's prompts that were refused, or that the policy wants refused."""
    name = ask.subjects[0].set or "regular"
    if name in ask.refused:
        return ask.refused[name]
    least = [
        rule.minimum / 100
        for rule in ask.policy.rules
        if rule.metric == "refusal-rate"
        and rule.minimum
        and any(at.set == name and at.mask in {None, "none"} for at in rule.subjects)
    ]
    return max(least, default=_REFUSED)


#: By `Metric.counts`.
_KINDS: Mapping[str, Callable[[_Ask], Demand]] = {
    "shares": _plain,
    "shares of refused": _refused,
    "pairs": _plain,
    "pairs beside controls": _beside,
    "shares by category": partial(_by_part, of="category"),
    **{f"shares of refused by {of}": _refused_by(of) for of in PARTS},
    "pairs of every mask": _every_mask,
}
