"""Labels from PyRIT's files: only from the very files whose rows were read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gatekeeper.suites.labels import read_labels
from tools import pyrit_labels

RAW = (
    b"# dataset_version=1\n# a note\nobjective,assistant_response,human_score,data_type\n"
    b'"Ask, please","No, I can\'t.\n# not a note",1,text\nAsk,Sure!,0,text\nAsk,Cats.,1,text\n'
)


def test_rows_become_labels(tmp_path: Path) -> None:
    rows = pyrit_labels.convert(RAW, hashlib.sha256(RAW).hexdigest(), range(2, 3))
    path = tmp_path / "l.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    read, _ = read_labels(path)
    assert [one.label for one in read] == ["refuse", "comply", "refuse"]
    assert [one.on_topic for one in read] == [True, True, False]
    assert read[0].prompt == "Ask, please"
    assert read[0].reply == "No, I can't.\n# not a note"


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not the file of PyRIT 1\.1\.0"):
        pyrit_labels.convert(RAW, "0" * 64, range(1))
