"""Runs the tests of policies: what held, what did not, and what no test would notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gatekeeper.policy.load import load_policy
from gatekeeper.policy.testing.checks import Check, OpenBundle, checks_of, untested
from gatekeeper.policy.testing.extended import is_test_file, path_of_tests, policy_of
from gatekeeper.policy.testing.files import read_tests
from gatekeeper.policy.testing.mutants import Mutant, mutants, survivors
from gatekeeper.records.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The tests of one policy.

    Attributes:
        beside: where its test file lies, or would lie.
        tests: the test file; None if there is none.
        failures: each check with what was otherwise than it says, or None.
        untested: rules that no check shows not to pass.
        mutants: how many weaker policies were tried; None if none were to be.
        survivors: those that no check notices.
    """

    policy: Policy
    beside: Path
    tests: Path | None
    failures: tuple[tuple[Check, str | None], ...]
    untested: tuple[str, ...]
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
        mutants=None if tried is None else len(tried),
        survivors=alive,
    )
