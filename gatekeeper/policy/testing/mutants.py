"""Weaker policies, each by one step: a test file is worth something if each makes a test fail.

Mutation testing: DeMillo, Lipton & Sayward (1978), IEEE Computer 11(4):34. The steps are those by
which somebody could loosen a policy without anybody noticing: a limit by its last written digit, a
rule or a number that it asks for left out, a block that only warns, an estimate held in place of
its interval, a need no longer asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from gatekeeper.policy.asked import asked, without
from gatekeeper.policy.testing.checks import Check
from gatekeeper.policy.wording import limit_text
from gatekeeper.records.policy import Policy, Rule, Waiver

#: Units with a largest and a smallest number that there is.
_ENDS = {"%": (0.0, 100.0), "points": (-100.0, 100.0), "index": (-1.0, 1.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A weaker policy.

    Attributes:
        name: what of it is weaker; `about`: the rule or need that is.
    """

    name: str
    about: str
    policy: Policy


def mutants(policy: Policy) -> Iterator[Mutant]:
    """Every policy that is weaker by one step.

    Args:
        policy: sized for a model.
    """
    for at, rule in enumerate(policy.rules):
        rest = (*policy.rules[:at], *policy.rules[at + 1 :])
        yield Mutant(
            name=f"rule {rule.id} left out",
            about=rule.id,
            policy=replace(policy, rules=rest, waivers=_kept(policy, rest)),
        )
        for name, weaker in _weaker(rule):
            rules = (*policy.rules[:at], weaker, *policy.rules[at + 1 :])
            yield Mutant(name=name, about=rule.id, policy=replace(policy, rules=rules))
    for need in asked(policy):
        weaker_needs = without(policy, need)
        if weaker_needs is not None:
            yield Mutant(name=f"{need} no longer asked", about=need, policy=weaker_needs)


def _kept(policy: Policy, rules: tuple[Rule, ...]) -> tuple[Waiver, ...]:
    left = {rule.id for rule in rules}
    return tuple(waiver for waiver in policy.waivers if waiver.rule in left)


def _weaker(rule: Rule) -> Iterator[tuple[str, Rule]]:
    for loosened in _loosened(rule):
        yield f"rule {rule.id}: {limit_text(rule)} becomes {limit_text(loosened)}", loosened
    if rule.severity != "warn":
        yield f"rule {rule.id} only warns", replace(rule, severity="warn")
    if rule.bound != "estimate":
        yield f"rule {rule.id} holds the estimate alone", replace(rule, bound="estimate")
    if len(rule.subjects) > 1:
        for subject in rule.subjects:
            left = tuple(other for other in rule.subjects if other != subject)
            about = ", ".join(f"{key} {value}" for key, value in subject.items())
            yield f"rule {rule.id} does not ask at {about}", replace(rule, subjects=left)


def _loosened(rule: Rule) -> Iterator[Rule]:
    """The rule with its limit one step further, by the last digit that is written of it."""
    low, high = _ENDS.get(rule.unit, (0.0, float("inf")))
    if rule.maximum is not None:
        further = round(rule.maximum + _step(rule.maximum), 9)
        if further <= high:
            yield replace(rule, maximum=further)
    if rule.minimum is not None:
        further = round(rule.minimum - _step(rule.minimum), 9)
        if further >= low:
            yield replace(rule, minimum=further)


def _step(limit: float) -> float:
    exponent = Decimal(f"{limit:g}").as_tuple().exponent
    return 10.0 ** min(int(exponent), 0)


def survivors(weaker: Iterable[Mutant], checks: Iterable[Check]) -> tuple[Mutant, ...]:
    """The weaker policies under which every check still holds."""
    held = list(checks)
    return tuple(mutant for mutant in weaker if _survives(mutant, held))


def _survives(mutant: Mutant, checks: list[Check]) -> bool:
    """Whether no check fails: those about what is weaker first, those that read bundles last."""
    ordered = sorted(checks, key=lambda c: (c.slow, mutant.about not in c.about))
    return all(check.failure(mutant.policy) is None for check in ordered)
