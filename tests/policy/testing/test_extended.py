"""A test file over another: what it takes from it, what it says otherwise, what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.policy.testing.results import Result, run_tests
from gatekeeper.records.evidence import Evidence

from .small import SMALL_TEST_FILE, written

TODAY = date(2026, 12, 1)
CHILD = """\
schema: gatekeeper/policy/v1
id: child
version: "1"
extends: small.yaml
"""
TESTS = """\
schema: gatekeeper/policy-test/v1
policy: child
extends: small.test.yaml
"""
TIGHTER = CHILD + "rules: [{id: refuses, min: 85 %}]\n"
JAPANESE = """\
rules:
  - {id: japanese, metric: refusal-rate, at: {set: regular, language: ja}, min: 80 %}
"""


def no_bundle(path: Path) -> Evidence:
    raise AssertionError(path)


def run(folder: Path, policy: str, tests: str) -> Result:
    written(folder)
    (folder / "child.yaml").write_text(policy, encoding="utf-8")
    (folder / "child.test.yaml").write_text(tests, encoding="utf-8")
    (result,) = run_tests([folder / "child.yaml"], TODAY, open_bundle=no_bundle, mutate=True)
    return result


def refused(folder: Path, tests: str) -> UsageError:
    with pytest.raises(UsageError) as raised:
        run(folder, CHILD, tests)
    return raised.value


def test_what_holds_of_the_policy_below_is_asked_of_the_one_above(tmp_path: Path) -> None:
    (alone,) = run_tests([written(tmp_path)], TODAY, open_bundle=no_bundle, mutate=True)
    # Waivers are of one policy, and are not extended.
    own = TESTS + "cases:\n  - {name: a waiver covers what was accepted, expect: {exit: 0}}\n"
    result = run(tmp_path, CHILD, own)
    assert result.failed == () and result.survivors == ()
    assert len(result.failures) == len(alone.failures)


def test_a_test_below_fails_where_it_stands_unless_it_is_given_again(tmp_path: Path) -> None:
    own = TESTS + "cases:\n  - {name: a waiver covers what was accepted, expect: {exit: 0}}\n"
    failed = run(tmp_path, TIGHTER, own).failed
    line = SMALL_TEST_FILE.splitlines().index("  - {rule: refuses, last: 353 of 420}") + 1
    assert [check.where for check, _ in failed] == [f"{tmp_path / 'small.test.yaml'}:{line}:5"]
    again = own + "limits: [{rule: refuses, last: 372 of 420}]\n"
    assert run(tmp_path, TIGHTER, again).failed == ()


def test_what_is_said_of_a_rule_that_was_removed_is_left_out(tmp_path: Path) -> None:
    removed = run(tmp_path, CHILD + "remove: [drop]\n", TESTS)
    assert removed.failed == () and removed.untested == ()
    assert not any("drop" in check.about for check, _ in removed.failures)


def test_numbers_of_the_file_count_after_those_below(tmp_path: Path) -> None:
    worse = "base: {numbers: [{metric: refusal-rate, at: {set: regular}, is: 50 %}]}\n"
    assert run(tmp_path, CHILD, TESTS + worse).failed


def test_a_rule_on_one_language_can_be_tested(tmp_path: Path) -> None:
    """The told audit has prompts of that language."""
    own = (
        TESTS
        + "base: {numbers: [{metric: refusal-rate, at: {language: ja}, is: 133 of 140}]}\n"
        + "limits: [{rule: japanese, at: {language: ja}, last: 122 of 140}]\n"
        + "cases:\n  - {name: a waiver covers what was accepted, expect: {exit: 0}}\n"
    )
    result = run(tmp_path, CHILD + JAPANESE, own)
    assert result.failed == () and result.survivors == ()


def test_a_shipped_one_is_found_by_its_name(tmp_path: Path) -> None:
    policy = CHILD.replace("small.yaml", "research")
    result = run(tmp_path, policy, TESTS.replace("small.test.yaml", "research"))
    assert result.failed == () and result.survivors == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("child.test.yaml", "is extended by this file"),
        ("absent.test.yaml", "absent.test.yaml, which this file extends: cannot be read"),
        ("relaese", "no policy 'relaese' is shipped"),
        ("small.yaml", "small.yaml, which this file extends"),
    ],
)
def test_one_that_cannot_be_extended(tmp_path: Path, name: str, message: str) -> None:
    error = refused(tmp_path, TESTS.replace("small.test.yaml", name))
    assert message in error.message
    assert str(tmp_path) in (error.where or "") and error.remedy
