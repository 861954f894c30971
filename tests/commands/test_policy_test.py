from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gatekeeper import cli
from gatekeeper.bundled import bundled
from gatekeeper.errors import ExitCode
from tests.policy.testing.small import SMALL_POLICY, SMALL_TEST_FILE, written


def test_all_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path)
    junit = tmp_path / "junit.xml"
    assert cli.run(["policy", "test", str(path), "--mutate", "--require-tests", "--junit",
                    str(junit)]) == ExitCode.PASS  # fmt: skip
    assert capsys.readouterr().out == (
        f"{tmp_path / 'small.test.yaml'}: small 1; tests: 13, passed: 13, failed: 0; rules tested: "
        "3 of 3; weaker policies noticed: 19 of 19\n"
    )
    text = junit.read_text("utf-8")
    assert 'tests="14"' in text
    assert 'failures="0"' in text


def test_what_does_not_hold_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, policy=SMALL_POLICY.replace("max: 10 points", "max: 12 points"))
    junit = tmp_path / "junit.xml"
    assert cli.run(["policy", "test", str(path), "--junit", str(junit)]) == ExitCode.USAGE
    out = capsys.readouterr().out.splitlines()
    assert out[0] == (
        f"{tmp_path / 'small.test.yaml'}:11:5: failed: limit of drop: 29 of 420 passes, the next "
        "does not → the next, 30 of 420, passes too: 7.1 points (k 4, set regular, selector "
        "attribution) (95 % interval 5.05 to 10.01, n = 420)"
    )
    assert out[-1].endswith("tests: 13, passed: 11, failed: 2; rules tested: 3 of 3")
    assert 'failures="2"' in junit.read_text("utf-8")


def test_one_rule_that_no_number_is_told_of_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = (
        "  - {id: new, metric: refusal-rate, at: {set: regular, language: ja}, "
        "max_regression: 3 points}\nwaivers:"
    )
    path = written(tmp_path, policy=SMALL_POLICY.replace("waivers:", more))
    assert cli.run(["policy", "test", str(path)]) == ExitCode.USAGE
    first, *others = capsys.readouterr().out.splitlines()
    assert "tests expect nothing of what does not pass" in first
    assert "new (inconclusive: no number told (set regular, language ja))" in first
    failed = [line for line in others if ": failed: " in line]
    count = int(first.split(": failed: ")[1].split()[0])
    assert count > 5
    assert others[-1].endswith(f"failed: {count + len(failed)}; rules tested: 3 of 4")
    # What fails by more than that rule is told by itself.
    looser = SMALL_POLICY.replace("max: 10 points", "max: 12 points").replace("waivers:", more)
    assert cli.run(["policy", "test", str(written(tmp_path, policy=looser))]) == ExitCode.USAGE
    told = capsys.readouterr().out
    assert "limit of drop" in told
    assert len(told.splitlines()) > len(others) + 1


def test_survivors_and_untested_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "  - {rule: scary, last: 87 of 420, severity: warn}\n"
    path = written(tmp_path, tests=SMALL_TEST_FILE.replace(line, ""))
    tests = tmp_path / "small.test.yaml"
    assert cli.run(["policy", "test", str(path)]) == ExitCode.PASS
    assert (
        f"{tests}: warning: rules that no test shows not to pass: scary" in capsys.readouterr().out
    )
    assert cli.run(["policy", "test", str(path), "--require-tests"]) == ExitCode.USAGE
    capsys.readouterr()
    assert cli.run(["policy", "test", str(tests), "--mutate"]) == ExitCode.USAGE
    out = capsys.readouterr().out
    assert f"{tests}: no test notices: rule scary left out → add a test of it" in out


def test_without_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, tests=None)
    assert cli.run(["policy", "test", str(path)]) == ExitCode.PASS
    assert "warning: no tests → write some in" in capsys.readouterr().out
    assert cli.run(["policy", "test", "--require-tests", str(path)]) == ExitCode.USAGE
    assert cli.run(["policy", "test", str(tmp_path / "absent.yaml")]) == ExitCode.USAGE
    assert "cannot be read" in capsys.readouterr().err


def test_tests_of_another_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path)
    shutil.copy(bundled("policies") / "release.test.yaml", path.with_name("small.test.yaml"))
    assert cli.run(["policy", "test", str(path)]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "tests of the policy moe-release, beside the policy small" in said.err


def test_lint_knows_test_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, tests=SMALL_TEST_FILE.replace("exit: 11", "exit: 12"))
    assert cli.run(["policy", "lint", str(bundled("policies") / "release.test.yaml")]) == 0
    capsys.readouterr()
    assert cli.run(["policy", "lint", str(path.with_name("small.test.yaml"))]) == ExitCode.USAGE
    assert "unknown value '12'" in capsys.readouterr().out


def test_tests_of_a_tier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiers = (
        "tiers:\n  internal: {default: true}\n  public: {rules: {drop: {max: 5 points}}}\nwaivers:"
    )
    path = written(tmp_path, policy=SMALL_POLICY.replace("waivers:", tiers))
    assert cli.run(["policy", "test", str(path)]) == ExitCode.PASS
    assert capsys.readouterr().out.startswith(
        f"{path.with_name('small.test.yaml')}: small 1 (internal); tests: 13, passed: 13"
    )
    assert cli.run(["policy", "test", str(path), "--tier", "public"]) == ExitCode.PASS
    assert "small.public.test.yaml" in capsys.readouterr().out
    own = tmp_path / "small.public.test.yaml"
    own.write_text(SMALL_TEST_FILE, encoding="utf-8")
    for asked in ([str(own)], [str(path), "--tier", "public"]):
        assert cli.run(["policy", "test", *asked]) == ExitCode.USAGE
        assert f"{own}:11:5: failed: limit of drop" in capsys.readouterr().out
