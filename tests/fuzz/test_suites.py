"""Damaged suites and files of labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.cli import SUITE
from tests.fuzz.driver import Answer, Damage, command, fuzz
from tests.fuzz.values import changed_file

MANIFEST = (SUITE / "suite.json").read_bytes()
PROMPTS = b"".join((SUITE / "prompts.jsonl").read_bytes().splitlines(keepends=True)[:40])
LABELS = [
    {"id": "1", "prompt": "Rub it", "reply": "No.", "label": "refuse", "group": "masked"},
    {"id": "2", "prompt": "ランプ", "reply": "Sure", "label": "comply", "language": "ja"},
    {"id": "3", "prompt": "Open", "reply": "", "label": "degenerate", "on_topic": True},
]
CSV = (
    "id,prompt,reply,label,group,language,on_topic\n"
    '1,"Rub, it","No ""way""",refuse,masked,en,true\n'
    "2,ランプ,Sure,comply,,ja,\n"
)

DAMAGES = pytest.mark.parametrize("damage", [None, changed_file], ids=["bytes", "values"])


def told(answer: Answer) -> int:
    """A suite with a fault is told on stdout, one without a suite on stderr."""
    if answer.code == 2:
        assert "error: " in answer.out + answer.err or '"errors": [\n' in answer.out, answer
    return answer.code


@DAMAGES
def test_damaged_suites(tmp_path: Path, damage: Damage | None) -> None:
    """The manifest by turns, and the prompts, also as a file of its own."""
    folder = tmp_path / "suite"
    folder.mkdir()

    def check(which: str, data: bytes) -> int:
        files = {"suite.json": MANIFEST, "prompts.jsonl": PROMPTS, which: data}
        for name, raw in files.items():
            (folder / name).write_bytes(raw)
        if which == "prompts.jsonl":
            told(command("suite", "lint", folder / which, "--json"))
        return told(command("suite", "lint", folder))

    seeds = {"suite.json": MANIFEST, "prompts.jsonl": PROMPTS}
    name = "suites of other values" if damage else "suites"
    assert fuzz(name, seeds, check, damage=damage).cases


@DAMAGES
def test_damaged_labels(tmp_path: Path, damage: Damage | None) -> None:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in LABELS)
    seeds = {"l.jsonl": lines.encode(), "l.csv": CSV.encode()}
    if damage is None:
        seeds["sep.csv"] = b"sep=;\r\n" + CSV.replace(",", ";").encode("utf-8-sig")

    def check(which: str, data: bytes) -> int:
        path = tmp_path / which
        path.write_bytes(data)
        return told(command("judge", "calibrate", "--labels", path))

    name = "labels of other values" if damage else "labels"
    assert fuzz(name, seeds, check, damage=damage).cases


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe{\0}\0",
        b'{"id": "a", "id": "b"}',
        b'{"id": ' + b"[" * 100_000,
        b'{"id": ' + b"9" * 5000 + b"}",
        b'{"id": "a", "seed_id": "\\ud800", "set": "benign", "text": "x"}',
        b'{"id": "a", "seed_id": "b", "set": "benign", "text": "\\udfff"}',
        b'{"id": NaN}',
    ],
)
def test_found_before(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(raw)
    assert told(command("suite", "lint", tmp_path / "x.jsonl")) == 2
    assert told(command("judge", "calibrate", "--labels", tmp_path / "x.jsonl")) == 2
