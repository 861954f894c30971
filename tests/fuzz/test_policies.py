"""Damaged policies, through every command that reads one and needs no model."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.bundled import shipped_policies
from gatekeeper.evidence.bundle import write_bundle
from tests.e2e.cli import DEMO_POLICY
from tests.evidence.whole import whole_evidence
from tests.fuzz.driver import Damage, command, fuzz
from tests.fuzz.values import changed_file
from tests.policy.builders import concentrated
from tests.policy.test_load import GOOD
from tests.policy.test_odd_characters import POLICY
from tests.policy.testing.small import SMALL_POLICY, SMALL_TEST_FILE

SEEDS = {
    "good": GOOD.encode(),
    "small": POLICY.encode(),
    "demo": DEMO_POLICY.read_bytes(),
    **{p.name: p.read_bytes() for p in shipped_policies()},
}
#: A policy of few rules, and tests of it of every kind.
SMALL_TESTS = SMALL_TEST_FILE.encode()
DAMAGES = pytest.mark.parametrize("damage", [None, changed_file], ids=["bytes", "values"])


def check_policy(path: Path, data: bytes) -> int:
    """Lint, explain and load agree on whether it is a policy, each in a line of its own."""
    path.write_bytes(data)
    linted = command("policy", "lint", path)
    explained = command("policy", "explain", path)
    assert linted.code == explained.code, (linted, explained)
    assert command("policy", "doc", path).code == linted.code
    assert command("policy", "fix", path).code in {0, 2}
    if linted.code == 2:
        place = f"{path}:"
        assert place in explained.err, explained
        line, column, *_ = explained.err.split(place, 1)[1].split(":")
        assert int(line) >= 1, explained
        assert int(column) >= 1, explained
        errors = [x for x in linted.out.splitlines() if ": error: " in x]
        assert errors, linted
        assert all(x.startswith(place) for x in errors), linted
    return linted.code


@DAMAGES
def test_damaged_policies(tmp_path: Path, damage: Damage | None) -> None:
    (tmp_path / "small.yaml").write_text(SMALL_POLICY, encoding="utf-8")

    def check(_: str, data: bytes) -> int:
        code = check_policy(tmp_path / "p.yaml", data)
        done = command("policy", "diff", tmp_path / "small.yaml", tmp_path / "p.yaml")
        assert done.code == code, done
        return code

    name = "policies of other values" if damage else "policies"
    assert fuzz(name, SEEDS, check, damage=damage).cases


@DAMAGES
def test_damaged_tests(tmp_path: Path, damage: Damage | None) -> None:
    """A test file is held, or refused at a line and column; nothing in between."""
    (tmp_path / "p.yaml").write_text(SMALL_POLICY, encoding="utf-8")
    path = tmp_path / "p.test.yaml"

    def check(_: str, data: bytes) -> int:
        path.write_bytes(data)
        done = command("policy", "test", "--mutate", tmp_path / "p.yaml")
        assert done.code in {0, 2}, done
        if done.code == 2 and "tests: " not in done.out:
            assert f"{path}" in done.err, done
        return done.code

    name = "tests of other values" if damage else "tests of policies"
    assert fuzz(name, {"tests": SMALL_TESTS}, check, damage=damage).cases


@DAMAGES
def test_evidence_held_against_damaged_policies(tmp_path: Path, damage: Damage | None) -> None:
    """A verdict that `check` gives is one that `verify` derives again."""
    bundle, path, verdict = (
        tmp_path / "evidence",
        tmp_path / "policy.yaml",
        tmp_path / "verdict.json",
    )
    write_bundle(whole_evidence(concentrated, selectors=("attribution",)), bundle)
    honest = command("verify", bundle).code

    def check(_: str, data: bytes) -> int:
        path.write_bytes(data)
        verdict.unlink(missing_ok=True)
        judged = command("check", bundle, "--policy", path, "--out", verdict).code
        assert verdict.exists() == (judged != 2), judged
        if judged != 2:
            again = command("verify", tmp_path).code
            assert again in {honest, 11}, again
        return judged

    name = "evidence under policies of other values" if damage else "evidence under policies"
    assert fuzz(name, SEEDS, check, damage=damage).cases


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0",
        b"- ",
        b"x: !!bool abc",
        b'x: !!int ""',
        b"x: !!timestamp abc",
        b"<<: [{a: 1}]",
        b"? {a: b}\n: c",
        b"a: \xed\xa0\x80",
        b"%YAML 9.9\n---\n",
        b"a: |2147483648\n b",
        b'"\\UFFFFFFFF": 1',
    ],
)
def test_found_before(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(raw)
    assert command("policy", "lint", path).code == 2
    assert command("policy", "explain", path).code == 2
