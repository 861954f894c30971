"""Limits that no result of as many prompts as there are could meet, or could break."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gatekeeper.analysis.enough import MOST
from gatekeeper.analysis.intervals import normal_quantile
from gatekeeper.analysis.power import POWER
from gatekeeper.bundled import bundled
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.policy.demand import Demand
from gatekeeper.policy.floors import demands
from gatekeeper.policy.part_counts import PARTS, parts_of
from gatekeeper.policy.sense import Asked, Fault
from gatekeeper.policy.suite_parts import smallest_part
from gatekeeper.records.policy import EvidenceNeeds, Policy, Rule
from gatekeeper.records.suite import SETS, Suite
from gatekeeper.suites.read import read_suite

#: Best case: the model refuses all that it should.
_ALL = dict.fromkeys(SETS, 1.0)


class _Prompts(NamedTuple):
    """As many prompts of a set as a rule can have, and what they are in words.

    Attributes:
        number: as if the set fell into parts of one size, where the rule is about one of them.
        parts: so many.
    """

    number: int
    words: str
    more: str
    parts: int = 1


def beyond_any(policy: Policy, asked: Sequence[Asked]) -> Iterator[Fault]:
    """Limits that cannot be met with whatever number of prompts."""
    every = _Prompts(MOST, "whatever number of prompts", "")
    by_rule = demands(policy, refused=_ALL)
    for one in asked:
        if one.rule.id in by_rule and not by_rule[one.rule.id].may_pass(MOST):
            yield _cannot_pass(one, by_rule[one.rule.id], every)


def beyond_suite(policy: Policy, asked: Sequence[Asked], suite: Suite) -> Iterator[Fault]:
    """Limits, and floors, that the prompts of the pinned suite cannot meet or break.

    Counted so that none is blamed wrongly: all prompts measure, and all that should be are refused.
    """
    sizes = {name: sum(p.set == name for p in suite.prompts) for name in SETS}
    for name, least in policy.needs.prompts.items():
        if least > sizes[name]:
            message = f"the suite {excerpt(suite.id)} has {sizes[name]} {_words(name)} prompts"
            route = ("evidence", "prompts", name)
            yield Fault(route, message, f"write {sizes[name]} or less, or pin a larger suite")
    parts = _parts(suite)
    power = policy.needs.power
    by_rule = demands(policy, power=power or POWER, parts=parts, refused=_ALL)
    for one in asked:
        demand, name = by_rule.get(one.rule.id), one.rule.subjects[0].set or "regular"
        if demand is None or not demand.may_pass(MOST):  # told by `beyond_any`
            continue
        prompts = _measured_on(one.rule, suite, sizes[name], parts_of(one.rule.subjects[0], parts))
        if not demand.may_pass(prompts.number):
            yield _cannot_pass(one, demand, prompts)
        elif not demand.may_fail(prompts.number):
            yield _cannot_fail(one, prompts)
        elif power is not None and one.rule.severity != "warn":
            yield from _underpowered(one, demand, prompts, power)


def _parts(suite: Suite) -> dict[tuple[str, str], int]:
    """Into how many categories, languages and wrappers each set of a suite falls."""
    return {
        (name, of): len({getattr(p, of) for p in suite.prompts if p.set == name}) or PARTS[of]
        for name in SETS
        for of in PARTS
    }


def beyond_floors(policy: Policy, asked: Sequence[Asked]) -> Iterator[Fault]:
    """Floors of `evidence.prompts` with which limits could not be met, or not be broken.

    Of a rule on parts of a set, into as many as the pinned suite has, or the core suite; nobody
    knows yet which prompts will be run, so all are taken to have equally many.
    """
    if policy.needs.power is not None or not policy.needs.prompts:
        return
    suite = pinned_suite(policy.needs)
    parts = {} if suite is None else _parts(suite)
    by_rule = demands(policy, refused=_ALL, parts=parts)
    for one in asked:
        if not one.rule.subjects:
            continue
        name = one.rule.subjects[0].set or "regular"
        demand, least = by_rule.get(one.rule.id), policy.needs.prompts.get(name)
        if demand is None or least is None or not demand.may_pass(MOST):
            continue
        for may, word in ((demand.may_pass, "pass"), (demand.may_fail, "fail")):
            if not may(least):
                enough = least + bisect_left(range(least, MOST), True, key=may)
                count = demand.parts * parts_of(one.rule.subjects[0], parts)
                of = f" of {count} parts with equally many each" if count > 1 else ""
                message = (
                    f"{least} prompts{of} are too few for rule {one.rule.id}: none could {word}"
                )
                remedy = f"write {name}: {enough} or more"
                yield Fault(("evidence", "prompts", name), message, remedy)
                break


def pinned_suite(needs: EvidenceNeeds) -> Suite | None:
    """The suite that a policy pins, if it is one that is shipped."""
    if needs.suite_digest is None:
        return None
    return next((s for s in shipped_suites(needs.suite_id) if s.digest == needs.suite_digest), None)


def shipped_suites(name: str | None = None) -> Iterator[Suite]:
    """The suites that are shipped, that of the demo last; none in an installation without.

    Args:
        name: of the only one to look at, or at the demo's; None: at all.
    """
    try:
        folders = [*sorted(bundled("suites").iterdir()), bundled("demo") / "suite"]
        for folder in folders:
            if folder.is_dir() and name in {None, folder.name, "demo"}:
                yield read_suite(folder)
    except (OSError, UsageError):  # whoever has none can lint all the same
        return


def _measured_on(rule: Rule, suite: Suite, size: int, parts: int) -> _Prompts:
    """The prompts of a suite that a rule can be measured on: of a part, those of that part."""
    name = _words(rule.subjects[0].set or "regular")
    part = smallest_part(rule, suite)
    count, of = (size, "") if part is None else (part[0], f" of {part[1]}")
    words = f"the {count} {name} prompts{of} of the suite {excerpt(suite.id)}"
    if part is None:
        return _Prompts(size, words, "pin a larger suite")
    return _Prompts(count * parts, words, "pin a larger suite", parts)


def _cannot_pass(one: Asked, demand: Demand, prompts: _Prompts) -> Fault:
    message = (
        f"{one.written()} cannot be met: with {prompts.words}, not even a model without a fault "
        "has its whole interval inside"
    )
    # Of n prompts without a fault, Wilson's and Tango's interval both end at z²/(n + z²).
    z = normal_quantile(demand.passing.confidence)
    n = max(1.0, prompts.number / demand.per_pass)
    least = min(100.0, max(0.1, math.ceil(1000 * z * z / (n + z * z)) / 10))
    limit = least if one.side == "max" else 100 - least
    remedy = f"write {one.written(limit=limit)} or {'more' if one.side == 'max' else 'less'}"
    return one.fault(message, remedy + (f", or {prompts.more}" if prompts.more else ""))


def _cannot_fail(one: Asked, prompts: _Prompts) -> Fault:
    message = (
        f"{one.written()} cannot fail: with {prompts.words}, not even the worst model has its "
        "whole interval outside"
    )
    return one.fault(message, f"write a stricter limit, or {prompts.more}")


def _underpowered(one: Asked, demand: Demand, prompts: _Prompts, power: float) -> Iterator[Fault]:
    """Where `evidence.power` asks for more prompts than there are: always inconclusive."""
    floor = demand.floor()
    if floor is None or floor > prompts.number:
        takes = f"more than {MOST}" if floor is None else str(math.ceil(floor / prompts.parts))
        message = (
            f"{one.written()} takes {takes} prompts for a power of {100 * power:g} %, and there "
            f"are {prompts.words}"
        )
        yield one.fault(message, f"write a looser limit, or {prompts.more}")


def _words(name: str) -> str:
    return name.replace("_", "-")
