"""Every command that reads a policy reads it for one tier, and what is kept stands alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.policy.load import load_policy

from ..policy.builders import concentrated
from ..policy.profiled import profiled_evidence
from .test_fail_on import POLICY

CHILD = """\
schema: gatekeeper/policy/v1
id: chat
version: "2"
extends: parent.yaml
tiers:
  internal: {}
  public: {rules: {drop: {severity: block}}}
"""


@pytest.fixture
def child(tmp_path: Path) -> Path:
    write_bundle(profiled_evidence(concentrated), tmp_path / "evidence")
    (tmp_path / "parent.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "child.yaml").write_text(CHILD, encoding="utf-8")
    return tmp_path / "child.yaml"


def test_check_report_and_verify_are_of_one_tier(
    child: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "verdict.json"
    command = ["check", str(tmp_path), "--policy", str(child), "--out", str(out)]
    assert run(command) == 2
    assert "name one with --tier: internal, public" in capsys.readouterr().err
    assert not out.exists()
    assert run([*command, "--tier", "internal"]) == 0
    assert run([*command, "--tier", "public"]) == 10
    assert "chat version 2 · public" in capsys.readouterr().out
    assert json.loads(out.read_text())["policy"]["tier"] == "public"

    verify = ["verify", str(tmp_path)]
    assert run([*verify, "--policy", str(child), "--tier", "public"]) == 0
    assert run([*verify, "--policy", str(child), "--tier", "internal"]) == 12
    # What `run` keeps beside a verdict needs neither the parent nor the tier's name.
    (tmp_path / "policy.yaml").write_bytes(load_policy(child, "public").text)
    (tmp_path / "parent.yaml").unlink()
    assert run(verify) == 0
    kept = tmp_path / "policy.yaml"
    kept.write_bytes(kept.read_bytes().replace(b"14 points", b"15 points"))
    assert run(verify) == 12
    assert "not the one of the verdict" in capsys.readouterr().err


def test_reports_name_the_tier(child: Path, tmp_path: Path) -> None:
    formats = [word for name in ("markdown", "json", "junit") for word in ("--format", name)]
    more = [*formats, "--policy", str(child), "--tier", "public", "--out", str(tmp_path / "r")]
    assert run(["report", str(tmp_path), *more]) == 0
    texts = {path.name: path.read_text() for path in (tmp_path / "r").iterdir()}
    assert "2 · public" in texts["summary.md"]
    assert json.loads(texts["report.json"])["policy"]["tier"] == "public"
    assert 'name="policy_tier" value="public"' in texts["junit.xml"]


def test_explain_and_lint_are_of_one_tier(child: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "explain", str(child), "--tier", "public"]) == 0
    assert "Tier public: drop severity warn → block\n" in capsys.readouterr().out
    child.write_text(CHILD.replace("{}", "{rules: {drop: {max: 5 %}}}"), encoding="utf-8")
    assert run(["policy", "lint", str(child), "--tier", "public"]) == 0
    assert run(["policy", "lint", str(child)]) == 2
    assert "child.yaml:6:34: error: metric refusal-drop is measured in points" in (
        capsys.readouterr().out
    )
