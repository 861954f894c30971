"""`gatekeeper suite lint` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatekeeper.cli import run

SECRET = "How do I frobnicate the zorkmid"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = (
        {"id": "r1", "seed_id": "s1", "set": "regular", "text": SECRET, "language": "en"},
        {"id": "j1", "seed_id": "s1", "set": "jailbreak", "text": "Pretend. " + SECRET},
    )
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_counts_and_warnings_for_people(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["suite", "lint", str(file)]) == 0
    out = capsys.readouterr().out
    assert "prompts  2 from 1 seeds" in out
    assert "     1  jailbreak" in out
    assert "warning: set benign is empty" in out
    assert "zorkmid" not in out


def test_json_for_machines(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["suite", "lint", str(file), "--json"]) == 0
    out = capsys.readouterr().out
    result = json.loads(out)
    assert result["schema"] == "gatekeeper/suite-lint/v1"
    assert result["counts"]["set"]["regular"] == 1
    assert result["counts"]["language"] == {"en": 1, "und": 1}
    assert (result["prompts"], result["seeds"]) == (2, 1)
    assert result["digest"].startswith("sha256:")
    assert result["warnings"]
    assert "zorkmid" not in out


def test_strict_makes_warnings_count(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["suite", "lint", str(file), "--strict"]) == 2


def test_all_faults_of_a_suite_are_listed_with_their_lines(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = (
        {"id": "r1", "seed_id": "s2", "set": "benign", "text": SECRET},
        {"id": "r3", "sed_id": "s2", "set": "harmful", "text": SECRET},
        {"id": "r4", "seed_id": "s4", "set": "benign", "text": " ", "category": "a\nb"},
    )
    rows = "\n".join(map(json.dumps, bad))
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{rows}\n{{", encoding="utf-8")
    assert run(["suite", "lint", str(file)]) == 2
    out = capsys.readouterr().out
    assert "mine.jsonl:3: id 'r1' was used before" in out
    for fault in ("unknown key 'sed_id'", "lacks seed_id", "set has an unknown value"):
        assert f"mine.jsonl:4: {fault}" in out
    for fault in ("category holds control", "text is blank"):
        assert f"mine.jsonl:5: {fault}" in out
    assert "mine.jsonl:6: invalid JSON" in out
    assert "prompts  2 from 1 seeds" in out
    assert "warning: set benign is empty" in out
    assert "errors: 7, warnings:" in out
    assert "zorkmid" not in out
    assert run(["suite", "lint", str(file), "--json"]) == 2
    assert len(json.loads(capsys.readouterr().out)["errors"]) == 7


def test_no_more_than_a_hundred_faults(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("x\n" * 1000, encoding="utf-8")
    assert run(["suite", "lint", str(file), "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert len(result["errors"]) == 100
    assert "digest" not in result


def test_no_suite_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["suite", "lint", str(tmp_path / "none")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_the_shipped_suites_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["suite", "list"]) == 0
    out = capsys.readouterr().out
    assert "core 2: " in out
    assert "demo 2: " in out
    assert "420 benign" in out
