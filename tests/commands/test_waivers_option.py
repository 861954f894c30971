"""`--waivers` of check, report and verify: one verdict, derived again from all that it rests on."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.evidence.bundle import write_bundle

from ..policy.builders import concentrated
from ..policy.profiled import profiled_evidence

TODAY = datetime.now(UTC).date()
POLICY = """\
schema: gatekeeper/policy/v1
id: synthetic
version: "1"
title: Synthetic policy
owner: risk@example.com
evidence:
  selectors: [attribution]
  k: [4]
  prompts: {regular: 40}
rules:
  - id: drop
    metric: refusal-drop
    at: {k: 4}
    max: 14 points
"""
WAIVERS = """\
schema: gatekeeper/waivers/v1
waivers:
  # asked for in the meeting
  - rule: drop
    checkpoint: DIGEST
    reason: Known.
    owner: a@example.com
    approver: b@example.com
    issued: ISSUED
    expires: EXPIRES
    not_above: 100 points
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    evidence = write_bundle(profiled_evidence(concentrated), tmp_path / "evidence")
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    text = WAIVERS.replace("DIGEST", evidence.checkpoint.digest)
    text = text.replace("ISSUED", str(TODAY)).replace("EXPIRES", str(TODAY + timedelta(days=9)))
    (tmp_path / "granted.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def check(out: Path, waivers: str | None = "granted.yaml") -> int:
    more = ["--waivers", str(out / waivers)] if waivers else []
    policy = ["--policy", str(out / "policy.yaml")]
    return run(["check", str(out), *policy, *more, "--out", str(out / "verdict.json")])


def test_a_granted_waiver_passes_by_exception_and_stands_in_the_verdict(out, capsys) -> None:
    assert check(out, None) == 10
    before = json.loads((out / "verdict.json").read_text())
    capsys.readouterr()
    assert check(out) == 0
    assert capsys.readouterr().out.startswith("○ PASSED BY EXCEPTION (drop: waived ")
    after = json.loads((out / "verdict.json").read_text())
    assert after["policy"] == before["policy"]
    assert "waivers" not in before and after["waivers"]["digest"].startswith("sha256:")


def test_verify_takes_the_waivers_beside_the_verdict_or_those_named(out, capsys) -> None:
    check(out)
    assert run(["verify", str(out)]) == 12
    assert "waivers.yaml: the waivers of the verdict are missing → name" in capsys.readouterr().err
    assert run(["verify", str(out), "--waivers", str(out / "granted.yaml")]) == 0
    shutil.move(out / "granted.yaml", out / "waivers.yaml")
    capsys.readouterr()
    assert run(["verify", str(out)]) == 0
    told = capsys.readouterr().out
    assert "passed by exception, derived again from evidence, policy and waivers" in told
    assert "not checked" not in told


def test_verify_refuses_other_waivers(out, capsys) -> None:
    check(out)
    text = (out / "granted.yaml").read_text(encoding="utf-8")
    (out / "waivers.yaml").write_text(text + "# changed\n", encoding="utf-8")
    assert run(["verify", str(out)]) == 12
    assert "waivers.yaml: the waivers are not those of the verdict" in capsys.readouterr().err
    (out / "waivers.yaml").write_text("waivers: {", encoding="utf-8")
    assert run(["verify", str(out)]) == 12
    assert "the waivers of the verdict cannot be read" in capsys.readouterr().err
    check(out, None)
    assert run(["verify", str(out), "--waivers", str(out / "granted.yaml")]) == 2
    assert "given without a file of waivers" in capsys.readouterr().err


def test_a_verdict_whose_waivers_were_taken_out_does_not_verify(out, capsys) -> None:
    check(out)
    data = json.loads((out / "verdict.json").read_text())
    del data["waivers"]
    (out / "verdict.json").write_text(json.dumps(data))
    (out / "outputs.json").unlink()
    assert run(["verify", str(out)]) == 12
    assert "does not follow from evidence and policy" in capsys.readouterr().err


def test_reports_say_what_the_verdict_says(out) -> None:
    assert check(out) == 0
    command = ["report", str(out), "--policy", str(out / "policy.yaml"), "--out", str(out / "r")]
    waivers = ["--waivers", str(out / "granted.yaml")]
    formats = ["--format", "json", "--format", "markdown", "--format", "junit"]
    assert run([*command, *formats, *waivers]) == 0
    report = json.loads((out / "r" / "report.json").read_text())
    verdict = json.loads((out / "verdict.json").read_text())
    assert report["verdict"]["headline"] == "passed by exception"
    assert report["verdict"]["waivers_digest"] == verdict["waivers"]["digest"]
    assert [w["applied"] for w in report["rules"][0]["waivers"]] == [True]
    assert verdict["waivers"]["digest"] in (out / "r" / "junit.xml").read_text()
    identity = report["document"]["id"]
    assert run([*command, *formats]) == 0
    assert json.loads((out / "r" / "report.json").read_text())["document"]["id"] != identity


def test_a_waiver_for_an_unknown_rule_is_wrong_usage_and_nothing_is_written(out, capsys) -> None:
    path = out / "granted.yaml"
    path.write_text(path.read_text().replace("rule: drop", "rule: dorp"), encoding="utf-8")
    assert check(out) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "granted.yaml:4:11: waiver for unknown rule 'dorp' → did you mean drop?" in line
    assert not (out / "verdict.json").exists()
    assert check(out, "absent.yaml") == 2
