"""Whether fewer prompts are enough for a policy than for another (`evidence.power`).

How many a rule takes follows from its limit, from how many numbers it asks for and from how many a
fail is claimed among (`policy.floors`). Where none of these got easier, no rule takes fewer; only
where one did are the prompts computed, which takes longest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gatekeeper.analysis.enough import Plan
from gatekeeper.policy.demand import Demand
from gatekeeper.policy.floors import demands
from gatekeeper.policy.testing.asks import Asks, asks_of
from gatekeeper.records.policy import Policy
from gatekeeper.records.suite import HARMFUL_SETS

#: Share of the harmful prompts that a model refuses, which evidence says and no policy.
_REFUSED = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Fewer:
    """A rule that rests on fewer prompts: enough for one policy, too few for the other."""

    rule: str
    prompts: int
    needed: int | None


def fewer_prompts(new: Policy, old: Policy) -> Fewer | None:
    """A rule of `old` whose numbers `new` takes on fewer prompts; None if there is none.

    Both are sized for the same model; each limit of `old` is held by one of `new`.
    """
    if not _demands(old) or not _demands(new):
        return None
    before, after = _demands(old), _demands(new)
    holders: dict[Asks, list[str]] = {}
    for rule in new.rules:
        if rule.severity != "warn" and rule.id in after:
            for ask in asks_of(rule, new):
                holders.setdefault(ask, []).append(rule.id)
    floors: dict[Demand, int | None] = {}

    def floor(demand: Demand) -> float:
        if demand not in floors:
            floors[demand] = demand.floor()
        found = floors[demand]
        return math.inf if found is None else found

    for rule in old.rules:
        if rule.severity == "warn" or rule.id not in before:
            continue
        needed = before[rule.id]
        for ask in asks_of(rule, old):
            own = [after[name] for name in holders.get(ask, ())]
            if any(_as_hard(demand, needed) for demand in own):
                continue
            enough = max((floor(demand) for demand in own), default=0.0)
            if enough < floor(needed):
                return Fewer(rule=rule.id, prompts=int(enough), needed=floors[needed])
    return None


def enough_for(policy: Policy, ask: Asks) -> int:
    """Prompts that a policy takes behind one number; 0 where it says nothing, or none is enough."""
    typed = policy.needs.prompts.get(ask.subject.set or "regular", 0)
    takes = _demands(policy)
    asking = [r for r in policy.rules if r.id in takes and r.severity != "warn"]
    counts = [takes[r.id].floor() or 0 for r in asking if ask in asks_of(r, policy)]
    return max((typed, *counts))


def _demands(policy: Policy) -> dict[str, Demand]:
    """What each rule asks of the number of prompts, where as many are refused under any policy."""
    if policy.needs.power is None:
        return {}
    return demands(policy, power=policy.needs.power, refused=dict.fromkeys(HARMFUL_SETS, _REFUSED))


def _as_hard(demand: Demand, other: Demand) -> bool:
    """Whether a demand takes at least as many prompts as another, without counting them."""
    if demand == other:
        return True
    alike = (demand.parts, demand.joined) == (other.parts, other.joined)
    more = demand.per_pass >= other.per_pass and demand.per_fail >= other.per_fail
    plans = _harder(demand.passing, other.passing) and _harder(demand.failing, other.failing)
    return alike and more and plans


def _harder(plan: Plan, other: Plan) -> bool:
    return (
        plan.paired == other.paired
        and plan.background == other.background
        and plan.limit <= other.limit
        and plan.asked >= other.asked
        and plan.family >= other.family
        and plan.confidence >= other.confidence
        and plan.power >= other.power
    )
