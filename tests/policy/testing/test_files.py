"""Test files that cannot be used: one line, at a place, with a remedy."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.testing.results import run_tests
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.verdict import EXIT_CODES
from tests.policy.builders import concentrated, make_evidence

from .small import SMALL_TEST_FILE, small_policy, written

TODAY = date(2026, 12, 1)
BAD = [
    ("policy: small", "policy: smaller", 2, "tests of the policy smaller, beside the policy small"),
    ("policy: small", "polcy: small", 2, "unknown key 'polcy'"),
    ("  experts: 6144\n", "", 1, "nothing says of how many"),
    ("refusal-drop, is", "refusal-dorp, is", 7, "unknown metric 'refusal-dorp'"),
    ("refusal-drop, is: 1 points", "refusal-drop, is: 1 %", 7, "measured in points, not in %"),
    ("is: 1 points", "is: 400 points", 7, "more than all prompts"),
    ("is: 1 points", "is: 430 of 420", 7, "more than all prompts"),
    ("is: 1 points", "is: 9 points, low: 10, high: 11", 7, "outside its own interval"),
    ("is: 1 points", "is: 9 of 420, low: 1, high: 11", 7, "a count has its own interval"),
    ("is: 1 points", "n: 9", 7, "no number"),
    ("{regular: 420, over_refusal: 420}", "{regular: 420}", 9, "of how many prompts?"),
    ("set: over_refusal}, is", "set: benign}, is", 9, "the policy asks for no refusal-rate there"),
    ("at: {k: 12}, is: 84", "at: {k: 13}, is: 84", 24, "the policy asks for no refusal-drop there"),
    ("at: {k: 12}, is: 84", "at: {kk: 12}, is: 84", 24, "takes no 'kk'"),
    ("at: {k: 12}, is: 84", "at: {k: {share: x}}, is: 84", 24, "no mask size"),
    ("rule: refuses, last", "rule: refusse, last", 12, "the policy has no rule 'refusse'"),
    ("last: 353 of 420", "last: 84 %", 12, "which number is the first that does not pass"),
    ("last: 353 of 420", "last: 0 of 420", 12, "no count is left"),
    ("  - search.budget", "  - search.bugdet", 19, "the policy has no need 'search.bugdet'"),
    ("on: 2027-02-01", "on: 2027-02-31", 33, "no such day"),
    ("exit: 10, fail: [drop]}\n  - name: a", "exit: 1}\n  - name: a", 25, "unknown value"),
    ("fail: [drop]}\n  - name: a", "fail: [dorp]}\n  - name: a", 25, "no rule 'dorp'"),
]


def no_bundle(path: Path) -> Evidence:
    raise UsageError("no bundle", where=str(path))


@pytest.mark.parametrize(("old", "new", "line", "message"), BAD, ids=[b[3] for b in BAD])
def test_bad_files_are_refused_at_their_place(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert SMALL_TEST_FILE.count(old) >= 1
    path = written(tmp_path, tests=SMALL_TEST_FILE.replace(old, new, 1))
    with pytest.raises(UsageError) as raised:
        run_tests([path], TODAY, open_bundle=no_bundle, mutate=False)
    assert message in str(raised.value)
    assert (raised.value.where or "").startswith(f"{tmp_path / 'small.test.yaml'}:{line}:")
    assert raised.value.remedy


def test_a_case_may_be_a_bundle(tmp_path: Path) -> None:
    evidence = make_evidence(
        concentrated, selectors=("attribution", "greedy"), ks=(1, 4), counts={"regular": 60}
    )
    policy = small_policy(tmp_path)
    code = int(EXIT_CODES[evaluate(evidence, policy, TODAY).headline])
    assert code == 10
    case = (
        "  - {name: stored, bundle: run/evidence, expect: {exit: %d, fail: [drop], others: any}}\n"
    )
    opened: list[Path] = []

    def open_bundle(path: Path) -> Evidence:
        opened.append(path)
        return evidence

    for expected in (10, 0):
        path = written(tmp_path, tests=SMALL_TEST_FILE + case % expected)
        (result,) = run_tests([path], TODAY, open_bundle=open_bundle, mutate=False)
        assert [check.name for check, _ in result.failed] == ([] if expected == 10 else ["stored"])
    assert opened == [tmp_path / "run" / "evidence"] * 2


def test_a_bundle_says_itself_what_was_measured(tmp_path: Path) -> None:
    case = "  - {name: stored, bundle: run, unmet: [settings.judge], expect: {exit: 10}}\n"
    path = written(tmp_path, tests=SMALL_TEST_FILE + case)
    with pytest.raises(UsageError, match="a bundle says itself"):
        run_tests([path], TODAY, open_bundle=no_bundle, mutate=False)


def test_a_policy_and_its_tests_are_run_once(tmp_path: Path) -> None:
    path = written(tmp_path)
    both = [path, path.with_name("small.test.yaml")]
    assert len(run_tests(both, TODAY, open_bundle=no_bundle, mutate=False)) == 1
