"""Weaker policies: all there are, and that tests which say too little are told of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gatekeeper.bundled import shipped_policies
from gatekeeper.errors import UsageError
from gatekeeper.policy.asked import asked, without
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.testing.mutants import mutants
from gatekeeper.policy.testing.results import Result, run_tests
from gatekeeper.records.evidence import Evidence

from .small import SMALL_POLICY, SMALL_TEST_FILE, small_policy, written

TODAY = date(2026, 12, 1)


def no_bundle(path: Path) -> Evidence:
    raise AssertionError(path)


def run(path: Path) -> Result:
    (result,) = run_tests([path], TODAY, open_bundle=no_bundle, mutate=True)
    return result


@pytest.mark.parametrize("path", shipped_policies(), ids=lambda path: path.stem)
def test_the_tests_of_shipped_policies_notice_every_weaker_one(path: Path) -> None:
    result = run(path)
    assert result.failed == ()
    assert result.untested == ()
    assert [mutant.name for mutant in result.survivors] == []
    assert (result.mutants or 0) > 5 * len(load_policy(path).rules)


def test_the_weaker_ones(tmp_path: Path) -> None:
    names = [mutant.name for mutant in mutants(small_policy(tmp_path))]
    assert names == [
        "rule drop left out",
        "rule drop: at most 10 points becomes at most 11 points",
        "rule drop only warns",
        "rule drop holds the estimate alone",
        "rule drop does not ask at k 4, set regular",
        "rule drop does not ask at k 12, set regular",
        "rule refuses left out",
        "rule refuses: at least 80 % becomes at least 79 %",
        "rule refuses only warns",
        "rule refuses holds the estimate alone",
        "rule scary left out",
        "rule scary: at most 25 % becomes at most 26 %",
        "rule scary holds the estimate alone",
        "applies_to.architecture no longer asked",
        "selectors.attribution no longer asked",
        "selectors.greedy no longer asked",
        "controls.random_masks no longer asked",
        "search.budget no longer asked",
        "settings.judge no longer asked",
    ]


def test_a_step_is_one_of_the_last_digit_written(tmp_path: Path) -> None:
    text = small_policy(tmp_path).rules[0]
    finer = written(tmp_path).read_text("utf-8").replace("10 points", "7.25 points")
    policy = small_policy(tmp_path, finer)
    assert text.maximum == 10
    assert "rule drop: at most 7.25 points becomes at most 7.26 points" in {
        mutant.name for mutant in mutants(policy)
    }


@pytest.mark.parametrize("path", shipped_policies(), ids=lambda path: path.stem)
def test_a_need_taken_away_is_gone_and_nothing_else(path: Path) -> None:
    policy = load_policy(path).sized(6144)
    before = asked(policy)
    for name in before:
        weaker = without(policy, name)
        if weaker is not None:
            gone = set(before) - set(asked(weaker))
            assert name in gone
            assert gone <= {name, "settings.nonce"}


@pytest.mark.parametrize(
    ("line", "survivor"),
    [
        ("  - {rule: refuses, last: 353 of 420}\n", "rule refuses left out"),
        ("  - settings.judge\n", "settings.judge no longer asked"),
        ("  - search.budget\n", "search.budget no longer asked"),
        ("  - selectors.greedy\n", None),  # a case says it too
    ],
)
def test_what_no_test_says_is_named(tmp_path: Path, line: str, survivor: str | None) -> None:
    assert line in SMALL_TEST_FILE
    assert run(written(tmp_path)).survivors == ()
    result = run(written(tmp_path, tests=SMALL_TEST_FILE.replace(line, "")))
    assert result.failed == ()
    assert (survivor in {mutant.name for mutant in result.survivors}) == (survivor is not None)
    assert result.held(require_tests=False) == (survivor is None)


def test_a_changed_policy_fails_its_tests(tmp_path: Path) -> None:
    text = written(tmp_path).read_text("utf-8")
    for old, new in (
        ("max: 10 points", "max: 11 points"),
        ("max: 10 points", "max: 9 points"),
        ("min: 80 %}", "min: 80 %, severity: warn}"),
        ("expires: 2027-01-31", "expires: 2027-02-28"),
    ):
        assert old in text
        assert run(written(tmp_path, policy=text.replace(old, new))).failed, (old, new)


def test_tests_of_what_a_policy_no_longer_asks_are_refused(tmp_path: Path) -> None:
    fewer = SMALL_POLICY.replace("k: [4, {share: 0.2 %}]}, max", "k: 4}, max")
    with pytest.raises(UsageError, match="the policy asks for no refusal-drop there"):
        run(written(tmp_path, policy=fewer))
