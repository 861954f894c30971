"""All evidence that a policy passes, as a list of clauses that must hold at once.

Each clause is a rule with the ways to satisfy it: its limits, or what a waiver accepts. Each way
bounds numbers one by one. Beside them stand the needs (`policy.asked`).

What is not told apart: what a second judge says, undecided replies and the noise floor only take
passes away, each at the rule's own limit; a limit that is no higher is never helped by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf

from gatekeeper.policy.asked import Asked, asked
from gatekeeper.policy.diff.accepts import Accepts, anything, within_limit
from gatekeeper.policy.testing.asks import Asks, asks_of
from gatekeeper.policy.testing.told import CHECKPOINT
from gatekeeper.policy.waivers import too_long, void_for_all
from gatekeeper.records.policy import Policy, Rule, Waiver

#: Numbers that are bounded, each by what is accepted of it.
Way = Mapping[Asks, Accepts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """On which checkpoint, on which day, and whether warnings count: what waivers depend on."""

    today: date
    checkpoint: str = CHECKPOINT
    fail_on: str = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A rule that must pass or be waived. Without a way nothing ever passes it."""

    rule: Rule
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """All evidence that a policy passes in a context.

    Attributes:
        policy: sized for a model.
        needs: what the evidence must have; as of the unsized policy where any model is meant.
        measured: of a policy none of whose rules counts: all of its rules, of which one must have
            been measured.
    """

    policy: Policy
    context: Context
    needs: Mapping[str, Asked]
    clauses: tuple[Clause, ...]
    measured: tuple[tuple[Asks, ...], ...] = ()


def passing(policy: Policy, context: Context, needs: Policy | None = None) -> Passing:
    """The evidence that a policy passes.

    Args:
        policy: sized for a model.
        needs: the policy whose needs count, if it is not this one.
    """
    counted = [
        rule for rule in policy.rules if rule.severity != "warn" or context.fail_on == "warn"
    ]
    blocking = any(rule.severity != "warn" for rule in policy.rules)
    measured = () if blocking else tuple(asks_of(rule, policy) for rule in policy.rules)
    return Passing(
        policy=policy,
        context=context,
        needs=asked(needs or policy),
        clauses=tuple(Clause(rule=rule, ways=_ways(rule, policy, context)) for rule in counted),
        measured=measured,
    )


def _ways(rule: Rule, policy: Policy, context: Context) -> tuple[Way, ...]:
    """The ways to satisfy a rule; none where it asks for nothing that could be measured."""
    asks = asks_of(rule, policy)
    if not asks:
        return ()
    accepted = [within_limit(rule)]
    for waiver in policy.waivers:
        if waiver.rule == rule.id and applies(waiver, context, policy.longest_waiver):
            high = inf if waiver.not_above is None else waiver.not_above
            low = -inf if waiver.not_below is None else waiver.not_below
            # What a run that stopped early leaves unmeasured is not waived either.
            worst = Accepts(high=high, low=low, whole=accepted[0].whole)
            accepted.append(anything(rule).both(worst))
    kept = [a for i, a in enumerate(accepted) if not _covered(a, accepted, i)]
    return tuple(dict.fromkeys(asks, one) for one in kept)


def _covered(one: Accepts, all_: list[Accepts], at: int) -> bool:
    """Whether another way accepts as much; of two that accept the same the first is kept."""
    return any(
        one.within(other) and (i < at or not other.within(one))
        for i, other in enumerate(all_)
        if i != at
    )


def applies(waiver: Waiver, context: Context, longest: int | None) -> bool:
    """Whether a waiver may cover its rule in a context.

    Args:
        longest: days that it may run from that day on; None for any number.
    """
    counts = too_long(waiver, context.today, longest) or void_for_all(waiver, context.today)
    return waiver.checkpoint == context.checkpoint and counts is None


def contexts(policies: tuple[Policy, ...], today: date) -> tuple[Context, ...]:
    """Every context in which policies may differ: first that of checkpoints without a waiver.

    Those with one are looked at today, on the first day of each waiver, on the day after it ends,
    and on the first on which it runs no longer than a policy allows.
    """
    waivers = [
        w
        for p in policies
        for w in p.waivers
        if void_for_all(w, max(today, w.issued or today)) is None
    ]
    pairs = [(CHECKPOINT, today)]
    for checkpoint in dict.fromkeys(w.checkpoint for w in waivers):
        own = [w for w in waivers if w.checkpoint == checkpoint]
        pairs += [(checkpoint, day) for day in sorted({today, *_turns(own, policies, today)})]
    return tuple(
        Context(today=day, checkpoint=checkpoint, fail_on=fail_on)
        for fail_on in ("block", "warn")
        for checkpoint, day in pairs
    )


def _turns(waivers: Iterable[Waiver], policies: Iterable[Policy], today: date) -> Iterator[date]:
    """Days from which on a waiver counts, or no longer counts."""
    lengths = [p.longest_waiver for p in policies if p.longest_waiver is not None]
    for waiver in waivers:
        left = (waiver.expires - today).days
        yield from (waiver.expires - timedelta(days=most) for most in lengths if most < left)
        if waiver.issued is not None and waiver.issued > today:
            yield waiver.issued
        if waiver.expires < date.max:
            yield waiver.expires + timedelta(days=1)
