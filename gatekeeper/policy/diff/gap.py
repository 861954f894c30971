"""Evidence that one policy passes and another does not: found, or proved not to be there.

By cases. What the first passes is a product: each number lies in a region of its own, whatever the
others are (of a rule with a waiver, in one of two). The second fails to pass a point of it exactly
where some clause of it excludes, in each of its ways, one number that the first allows. Each
exclusion is a bound, and a bound is exceeded somewhere in a region exactly where its widest
interval exceeds it (`accepts.Accepts.widest`). So there is nothing to search for.

Of each category, or language, one number stands for that of a part which no rule names; a part that
one names is bounded by both. Whether an audit has that part nothing says, so that its number may be
missing where only each part is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from gatekeeper.policy.asked import Asked
from gatekeeper.policy.diff.accepts import Accepts, Point, anything
from gatekeeper.policy.diff.passing import Clause, Passing
from gatekeeper.policy.testing.asks import Asks
from gatekeeper.records.finding import PARTS

#: A number outside a region; None: it is missing.
Outside = Point | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What keeps evidence that one policy passes from passing another.

    Attributes:
        allowed: what the first accepts of each number, in the ways that were taken.
        clause: the rule of the other that is not satisfied, and the numbers that are why.
        need: the need of the other that is not met.
    """

    allowed: Mapping[Asks, Accepts]
    clause: Clause | None = None
    outside: Mapping[Asks, Outside]
    need: str | None = None


def gap(new: Passing, old: Passing) -> Gap | None:
    """Evidence that `new` passes and `old` does not; None: there is none.

    Both are of the same context and of the same model.
    """
    lacking = next((n for n, a in old.needs.items() if not _asked_too(new, n, a)), None)
    whole = new.policy.needs.settings.sequential is False
    by_need: Gap | None = None
    for allowed in _products(new):
        for clause in old.clauses:
            outside = excluded(allowed, clause, whole=whole)
            if outside is not None:
                return Gap(allowed=allowed, clause=clause, outside=outside)
        missing = _nothing_measured(new, old, allowed)
        if missing is not None:
            return Gap(allowed=allowed, outside=missing)
        if lacking is not None and by_need is None:
            by_need = Gap(allowed=allowed, outside={}, need=lacking)
    return by_need


def _asked_too(new: Passing, name: str, need: Asked) -> bool:
    own = new.needs.get(name)
    return own is not None and own.implies(need)


def _products(new: Passing) -> Iterator[dict[Asks, Accepts]]:
    """What is accepted of each number, for every choice of ways that leaves any."""
    # Under warnings alone one rule must have been measured: one that asks for something.
    measured = [asks for asks in new.measured if asks] if new.measured else [()]
    for ways in product(*(clause.ways for clause in new.clauses)):
        allowed: dict[Asks, Accepts] = {}
        for way in ways:
            for ask, accepted in way.items():
                allowed[ask] = allowed[ask].both(accepted) if ask in allowed else accepted
        for asks in measured:
            whole = _whole({**{ask: anything(ask) for ask in asks}, **allowed}, new)
            if not any(accepted.empty for accepted in whole.values()):
                yield whole


def _whole(allowed: Mapping[Asks, Accepts], new: Passing) -> dict[Asks, Accepts]:
    """What is allowed of each number, by what is allowed of others too.

    A part that is named is also one of each; and what is held against a baseline was measured,
    unless a judge's card might say otherwise.
    """
    whole = dict(allowed)
    for ask in allowed:
        if ask.regression and new.policy.needs.judge_card is None:
            plain = replace(ask, regression=False)
            whole.setdefault(plain, anything(plain))
    for ask, accepted in tuple(whole.items()):
        whole[ask] = accepted.both(within_each(ask, whole))
    # Runs that must not have stopped early did not; those of a baseline may have.
    if new.policy.needs.settings.sequential is False:
        whole = {
            ask: accepted if ask.regression else replace(accepted, whole=True)
            for ask, accepted in whole.items()
        }
    return whole


def within_each(ask: Asks, allowed: Mapping[Asks, Accepts]) -> Accepts:
    """What is allowed of the number of a named part by rules about each category, or language."""
    at, accepted = ask.subject, anything(ask)
    for of in PARTS:
        if getattr(at, of) is not None and at.each is None and at.set is not None:
            each = replace(ask, subject=replace(at, **{of: None}, each=of))
            accepted = accepted.both(allowed.get(each, accepted))
    return accepted


def excluded(
    allowed: Mapping[Asks, Accepts], clause: Clause, *, whole: bool = False
) -> dict[Asks, Outside] | None:
    """Numbers, as allowed, that satisfy a clause in none of its ways; None if there are none.

    Args:
        whole: whether no run may have stopped early.
    """
    choices = [list(_out(allowed, way, whole=whole)) for way in clause.ways]
    for chosen in product(*choices):
        outside: dict[Asks, Outside] = {}
        if all(outside.setdefault(ask, point) == point for ask, point in chosen):
            return outside
    return None


def _out(
    allowed: Mapping[Asks, Accepts], way: Mapping[Asks, Accepts], *, whole: bool
) -> Iterator[tuple[Asks, Outside]]:
    """Single numbers that are allowed and not accepted in this way; those missing come last."""
    for ask, accepted in way.items():
        region = allowed.get(ask) or within_each(ask, allowed)
        ran = whole and not ask.regression
        for point in replace(region, whole=region.whole or ran).widest():
            if not accepted.has(point):
                yield ask, point
    for ask in way:
        if ask not in allowed:
            yield ask, None


def _nothing_measured(
    new: Passing, old: Passing, allowed: Mapping[Asks, Accepts]
) -> dict[Asks, Outside] | None:
    """Numbers that are missing so that no rule of a policy that only warns was measured."""
    missing: dict[Asks, Outside] = {}
    for asks in old.measured:
        gone = [ask for ask in asks if ask not in allowed]
        if asks and not gone:
            return None
        missing |= dict.fromkeys(gone)
    # With no rule at all, or none that asks for anything, it never passes.
    return missing if old.measured else None
