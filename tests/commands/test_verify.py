"""`gatekeeper verify` on an output directory: what is an alteration, and what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.cli import run
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy

from ..evidence.whole import whole_evidence
from ..policy.builders import TODAY


@pytest.fixture
def out(tmp_path: Path) -> Path:
    policy = bundled("policies") / "release.yaml"
    evidence = write_bundle(whole_evidence(), tmp_path / "evidence")
    verdict = evaluate(evidence, load_policy(policy), TODAY)
    (tmp_path / "verdict.json").write_bytes(verdict_bytes(verdict))
    shutil.copy(policy, tmp_path / "policy.yaml")
    return tmp_path


def edit(out: Path, change) -> None:
    data = json.loads((out / "verdict.json").read_text())
    change(next(o for o in data["outcomes"] if "value" in o["decisive"])["decisive"])
    (out / "verdict.json").write_text(json.dumps(data))


def test_an_untouched_output_verifies(out, capsys) -> None:
    assert run(["verify", str(out)]) == 0
    text = capsys.readouterr().out
    assert "✓ verdict: fail, derived again" in text
    assert "not compared" not in text


def test_the_evidence_alone_has_no_verdict(out, capsys) -> None:
    assert run(["verify", str(out / "evidence")]) == 0
    assert "no verdict.json here" in capsys.readouterr().out


def test_last_bits_of_another_machine_are_no_alteration(out) -> None:
    edit(out, lambda found: found.update(value=found["value"] + 1e-11))
    assert run(["verify", str(out)]) == 0


def test_an_altered_number_is_found(out, capsys) -> None:
    edit(out, lambda found: found.update(value=found["value"] + 0.1))
    assert run(["verify", str(out)]) == 12
    assert "does not follow" in capsys.readouterr().err


def test_a_verdict_by_other_definitions_is_called_that(out, capsys) -> None:
    edit(out, lambda found: found.update(version=1))
    assert run(["verify", str(out)]) == 12
    error = capsys.readouterr().err
    assert "version 1, this Gatekeeper has version 2" in error
    assert "does not follow" not in error
