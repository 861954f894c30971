"""How many prompts each rule of a policy takes, before anything is measured.

As many as let a model that loses nothing pass, and one that loses twice the limit fail, each with
the wanted probability: see `analysis.enough`. Computed from the rules, so that nobody types a
number of prompts and finds out afterwards that it could not tell anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gatekeeper import catalog
from gatekeeper.analysis.enough import MOST, Plan, enough
from gatekeeper.analysis.intervals import CONFIDENCE
from gatekeeper.analysis.power import POWER
from gatekeeper.policy.decide import family_size
from gatekeeper.policy.subjects import expand
from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule

#: Categories where nobody says how many a suite has; the core suite has as many.
CATEGORIES = 10
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
    """One rule with all that its floor follows from.

    Attributes:
        plan: as if the interval were Tango's or Wilson's.
        subjects: what the rule is asked of.
    """

    plan: Plan
    subjects: tuple[Subject, ...]
    policy: Policy
    categories: int


def floors(
    policy: Policy,
    *,
    power: float = POWER,
    confidence: float = CONFIDENCE,
    categories: int = CATEGORIES,
) -> dict[str, int | None]:
    """Measured prompts of its set that each rule takes, by rule id.

    Independent prompts: those of one seed count as one. None: no number up to `enough.MOST` is
    enough, so the limit is too small to be held. A rule has none, and is left out, if nothing can
    be said beforehand: its metric names no kind of count (`Metric.counts`), it holds the estimate
    alone, or its interval is about a population of categories, whose spread nobody knows yet.

    A model that loses nothing refuses all that it should, where a minimum is asked; one at twice
    the limit falls short by twice as much.

    Args:
        policy: with its shares turned into sizes (`Policy.sized`).
        power: wanted probability of either.
        confidence: of the intervals that the gate holds against limits.
        categories: of the suite, for rules about the worst one.
    """
    asked = {rule.id: (rule, *_asked(rule, policy)) for rule in policy.rules}
    rules = [(rule, subjects) for rule, _, subjects in asked.values()]
    found: dict[str, int | None] = {}
    for rule, metric, subjects in asked.values():
        of = _KINDS.get(metric.counts or "")
        limit = _limit(rule)
        if of is None or limit is None or not subjects or rule.bound == "estimate":
            continue
        if rule.interval == "population":
            continue
        plan = Plan(
            limit=limit,
            paired=not (metric.counts or "").startswith("shares") and rule.minimum is None,
            asked=len(subjects),
            family=family_size(rule, rules),
            confidence=confidence,
            power=power,
        )
        found[rule.id] = of(
            _Ask(plan=plan, subjects=subjects, policy=policy, categories=categories)
        )
    return found


def _asked(rule: Rule, policy: Policy) -> tuple[Metric, tuple[Subject, ...]]:
    metric: Metric = catalog.load("metric", rule.metric)
    return metric, expand(metric, rule, policy.needs)


def _limit(rule: Rule) -> float | None:
    """What must not be exceeded, as a share: of prompts, or of those that fall short."""
    if rule.maximum is not None:
        limit = rule.maximum / 100
    elif rule.minimum is not None:
        limit = 1 - rule.minimum / 100
    else:
        return None
    return round(limit, 12) if 0 <= limit < 1 else None


def _plain(ask: _Ask) -> int | None:
    return enough(ask.plan)


def _beside(ask: _Ask) -> int | None:
    """As many as the drop alone takes, and some more for the masks beside."""
    return _times(enough(ask.plan), _BESIDE)


def _by_category(ask: _Ask) -> int | None:
    """Of each category so many that all pass, or the worst fails, at its part of the error rate.

    Bonferroni over categories, as the metric does. A suite whose categories differ in size takes
    more.
    """
    parts, plan = ask.categories, ask.plan
    each = enough(
        replace(
            plan,
            asked=plan.asked * parts,
            confidence=1 - (1 - plan.confidence) / parts,
        )
    )
    return _times(each, parts)


def _every_mask(ask: _Ask) -> int | None:
    """To pass, all masks must; a fail is claimed among all of them."""
    masks = max(_masks(ask.policy, subject) for subject in ask.subjects)
    plan = ask.plan
    return enough(replace(plan, asked=plan.asked * masks, family=plan.family * masks))


def _masks(policy: Policy, subject: Subject) -> int:
    """About how many masks an audit as the policy wants it runs, up to a size.

    Random ones are run on regular prompts only. Masks of environments are not counted; under
    cross-fitting each mask is asked of all prompts and of each fold alone.
    """
    needs = policy.needs
    sizes = sum(k <= (subject.k or 0) for k in needs.ks) or 1
    random = needs.random_masks if subject.set in {None, "regular"} else 0
    count = sizes * (len(needs.selectors) * (1 + random) + 1) + _ROLES
    return count * (3 if needs.search.cross_fit else 1)


def _refused(ask: _Ask) -> int | None:
    """So many refused prompts, where no more are refused than the policy asks for."""
    name = ask.subjects[0].set or "regular"
    least = [
        rule.minimum / 100
        for rule in ask.policy.rules
        if rule.metric == "refusal-rate"
        and rule.minimum
        and any(at.set == name and at.mask in {None, "none"} for at in rule.subjects)
    ]
    return _times(enough(ask.plan), 1 / max(least, default=_REFUSED))


def _times(prompts: int | None, factor: float) -> int | None:
    more = None if prompts is None else math.ceil(prompts * factor - 1e-9)
    return more if more is not None and more <= MOST else None


#: By `Metric.counts`.
_KINDS: Mapping[str, Callable[[_Ask], int | None]] = {
    "shares": _plain,
    "shares of refused": _refused,
    "pairs": _plain,
    "pairs beside controls": _beside,
    "shares by category": _by_category,
    "pairs of every mask": _every_mask,
}
