"""An audit of so few prompts that no selector runs: inconclusive, and its own evidence holds."""

from __future__ import annotations

import pytest

from tests.e2e.cli import DEMO_POLICY, HARDENED, SUITE, gatekeeper

FEW = ("--max-prompts", "10", "--controls", "1", "-k", "1", "--resamples", "20")


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    out = tmp_path_factory.mktemp("few") / "out"
    command = ("run", HARDENED, "--suite", SUITE, "--policy", DEMO_POLICY, "--out", out, *FEW)
    ran = gatekeeper(*command, "--no-roles", "--format", "json")
    assert ran.returncode == 11, ran.stderr
    assert "left out: selector greedy" in ran.stdout
    return out


def test_it_verifies_and_checks(audited):
    verified = gatekeeper("verify", audited)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    checked = gatekeeper("check", audited / "evidence", "--policy", DEMO_POLICY)
    assert checked.returncode == 11, checked.stderr
