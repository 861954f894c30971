"""Runs the tests of policies: what held, what did not, and what no test would notice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from gatekeeper.policy.load import load_policy
from gatekeeper.policy.testing.checks import (
    Check,
    OpenBundle,
    checks_of,
    open_on_base,
    untested,
)
from gatekeeper.policy.testing.extended import is_test_file, path_of_tests, policy_of
from gatekeeper.policy.testing.files import TestFile, read_tests
from gatekeeper.policy.testing.mutants import Mutant, mutants, survivors
from gatekeeper.policy.testing.told import number_text
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import RuleOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The tests of one policy.

    Attributes:
        beside: where its test file lies, or would lie.
        tests: the test file; None if there is none.
        failures: each check with what was otherwise than it says, or None.
        shared: rules that do not pass on the base of the tests, each with the reason; and the
            checks that fail by these alone.
        untested: rules that no check shows not to pass.
        mutants: how many weaker policies were tried; None if none were to be.
        survivors: those that no check notices.
    """

    policy: Policy
    beside: Path
    tests: Path | None
    failures: tuple[tuple[Check, str | None], ...]
    untested: tuple[str, ...]
    shared: tuple[tuple[str, ...], frozenset[Check]] = ((), frozenset())
    mutants: int | None = None
    survivors: tuple[Mutant, ...] = ()

    @property
    def failed(self) -> tuple[tuple[Check, str], ...]:
        """The checks that did not hold, with the reason."""
        return tuple((check, why) for check, why in self.failures if why is not None)

    def held(self, *, require_tests: bool) -> bool:
        """Whether all is as it should be.

        Args:
            require_tests: whether there must be tests, and one of each rule.
        """
        lacking = require_tests and (self.tests is None or bool(self.untested))
        return not self.failed and not self.survivors and not lacking


def run_tests(
    files: Iterable[Path],
    today: date,
    *,
    open_bundle: OpenBundle,
    mutate: bool,
    tier: str | None = None,
) -> tuple[Result, ...]:
    """Runs the tests of policies, each once.

    Args:
        files: policies, or their test files.
        today: the day of the verdict where a case names none.
        mutate: whether to try weaker policies too, where all checks hold.
        tier: of the policies; of a test file its own, if it is named after one.

    Raises:
        UsageError: a policy or a test file cannot be used.
    """
    pairs = [policy_of(path) if is_test_file(path) else (path, None) for path in files]
    policies = dict.fromkeys((path, own or tier) for path, own in pairs)
    return tuple(_run(path, of, today, open_bundle, mutate=mutate) for path, of in policies)


def _shared(
    tests: TestFile, failing: Sequence[Check], stray: Sequence[RuleOutcome]
) -> tuple[tuple[str, ...], frozenset[Check]]:
    """Rules that do not pass on the base, in words, and the checks that fail by them alone.

    Those hold once the rules are left out.
    """
    policy, names = tests.policy, {outcome.rule.id for outcome in stray}
    rules = tuple(rule for rule in policy.rules if rule.id not in names)
    if not names or not rules:
        return (), frozenset()
    waivers = tuple(waiver for waiver in policy.waivers if waiver.rule not in names)
    without = replace(policy, rules=rules, waivers=waivers)
    words = tuple(f"{o.rule.id} ({o.result}: {number_text(o.decisive)})" for o in stray)
    return words, frozenset(check for check in failing if check.failure(without) is None)


def _run(
    path: Path, tier: str | None, today: date, open_bundle: OpenBundle, *, mutate: bool
) -> Result:
    policy, beside = load_policy(path, tier), path_of_tests(path, tier)
    if not beside.exists():
        rules = tuple(rule.id for rule in policy.rules)
        return Result(policy=policy, beside=beside, tests=None, failures=(), untested=rules)
    tests = read_tests(beside, policy)
    checks = checks_of(tests, today, open_bundle)
    failures = tuple((check, check.failure(tests.policy)) for check in checks)
    failing = [check for check, why in failures if why is not None]
    shared = _shared(tests, failing, open_on_base(tests, today, open_bundle)) if failing else None
    tried: tuple[Mutant, ...] | None = None
    alive: tuple[Mutant, ...] = ()
    if mutate and all(why is None for _, why in failures):
        tried = tuple(mutants(tests.policy))
        alive = survivors(tried, checks)
    return Result(
        policy=policy,
        beside=beside,
        tests=beside,
        failures=failures,
        untested=untested(policy, checks),
        shared=shared or ((), frozenset()),
        mutants=None if tried is None else len(tried),
        survivors=alive,
    )
