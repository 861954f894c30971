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


def test_a_broken_suite_is_one_line_and_code_2(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = json.dumps({"id": "r1", "seed_id": "s2", "set": "benign", "text": SECRET})
    file.write_text(file.read_text(encoding="utf-8") + "\n" + row, encoding="utf-8")
    assert run(["suite", "lint", str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "mine.jsonl:3: id 'r1' was used before" in captured.err
    assert "zorkmid" not in captured.err
