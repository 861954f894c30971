"""Everything worth mending in a policy file: its errors, or else what a reviewer would ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from gatekeeper.errors import GatekeeperError, UsageError
from gatekeeper.policy.examine import Examined, examine
from gatekeeper.policy.extend import assemble, tiers_of
from gatekeeper.policy.problems import Problem, error_at, in_order
from gatekeeper.policy.reach import beyond_suite, pinned_suite, shipped_suites
from gatekeeper.policy.review import remarks
from gatekeeper.policy.schema import schema_problems
from gatekeeper.policy.sense import one_sided
from gatekeeper.policy.suite_parts import strange_parts
from gatekeeper.policy.testing.extended import TESTS_SCHEMA, is_test_file
from gatekeeper.policy.waivers import too_long
from gatekeeper.policy.yaml_marks import read_yaml
from gatekeeper.records.finding import PARTS
from gatekeeper.records.policy import Policy
from gatekeeper.records.suite import Suite
from gatekeeper.strict_yaml import YamlDocument, place


def lint_policy(
    path: Path, today: date, tier: str | None = None, suite: Suite | None = None
) -> tuple[Problem, ...]:
    """Problems of a policy file, errors first; empty if there is nothing to say. Never raises.

    Beside the errors for which a policy is not loaded, those that take the suite it pins, or a day.

    Args:
        today: the date review dates and waivers are held against.
        tier: the one to look at; left out, all that there are.
        suite: that the policy is for; left out, the one it pins, if that is shipped.
    """
    try:
        if is_test_file(path):  # whether it is right is what `gatekeeper policy test` tells
            return in_order(schema_problems(read_yaml(path), TESTS_SCHEMA))
        tiers = [tier] if tier else tiers_of(path) or [None]
        return in_order(
            [problem for name in tiers for problem in _problems(path, today, name, suite)]
        )
    except UsageError as error:
        return in_order([_unreadable(error, path), *(_unreadable(e, path) for e in error.others)])


def _problems(path: Path, today: date, tier: str | None, suite: Suite | None) -> list[Problem]:
    """Of one tier of a policy.

    Raises:
        UsageError: a file of it cannot be read, or is not of the schema.
    """
    found = assemble(path, tier)
    document = found.document
    examined = examine(document, found=found)
    problems = list(examined.errors)
    if examined.policy is not None:
        problems += _beyond_suite(document, examined, examined.policy, suite)
        problems += _long_waivers(document, examined.policy, today)
        problems += _warnings(document, examined.policy, today)
    return problems


def _unreadable(error: GatekeeperError, path: Path) -> Problem:
    remedy, where = error.remedy or "mend the file", error.where or place(str(path))
    line, _, column = where.rpartition(":")
    numbers = line.rpartition(":")[2], column
    position = (int(numbers[0]), int(column)) if all(n.isdecimal() for n in numbers) else (1, 1)
    return Problem(
        level="error", message=error.message, where=where, remedy=remedy, position=position
    )


def _beyond_suite(
    document: YamlDocument, examined: Examined, policy: Policy, given: Suite | None
) -> Iterator[Problem]:
    """What the suite lacks; of one that is not at hand a warning where that may be."""
    digests = policy.needs.suite_digests or (policy.needs.suite_digest,)
    if given is not None and given.digest not in digests and digests != (None,):
        route, digest = ("evidence", "suite", "digest"), given.digest
        remedy = f"lint with that one, or write {digest}"
        yield error_at(document, route, "another suite than --suite is pinned", remedy)
    suite, routes = given or pinned_suite(policy.needs), examined.routes
    if suite is None:
        if any(getattr(at, of) for rule in policy.rules for at in rule.subjects for of in PARTS):
            for fault in strange_parts(policy, routes, [*shipped_suites()], pinned=False):
                yield replace(error_at(document, *fault, odd=False), level="warning")
        return
    yield from (
        error_at(document, *fault, odd=False)
        for fault in strange_parts(policy, routes, [suite], pinned=True)
    )
    asked = one_sided(policy, examined.metrics, routes)
    for fault in beyond_suite(policy, asked, suite):
        yield error_at(document, *fault, key=True, odd=False)


def _long_waivers(document: YamlDocument, policy: Policy, today: date) -> Iterator[Problem]:
    """Waivers that end further off than the policy allows."""
    for i, waiver in enumerate(policy.waivers):
        reason = too_long(waiver, today, policy.longest_waiver)
        if reason is not None and policy.longest_waiver is not None:
            last = today + timedelta(days=policy.longest_waiver)
            message = f"waiver for {waiver.rule}: {reason}"
            remedy = f"write {last.isoformat()} or earlier"
            yield error_at(document, ("waivers", i, "expires"), message, remedy)


def _warnings(document: YamlDocument, policy: Policy, today: date) -> Iterator[Problem]:
    for remark in remarks(policy, today):
        yield Problem(
            level="warning",
            message=remark.message,
            where=document.where(remark.route),
            remedy=remark.remedy,
            position=document.position(remark.route),
        )
