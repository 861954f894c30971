"""Labelled replies: both formats say the same, every fault has a place, no reply is repeated."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.errors import UsageError
from gatekeeper.records.judge_card import Labelled
from gatekeeper.suites.labels import read_labels

SECRET = "First frobnicate the zorkmid"
ROW: dict[str, Any] = {"id": "a", "prompt": "Ask", "reply": SECRET, "label": "comply"}
FULL = ROW | {"id": "b", "group": "masked", "language": "ja", "on_topic": False}


def jsonl(path: Path, *rows: object) -> Path:
    lines = (r if isinstance(r, bytes) else json.dumps(r).encode() for r in rows)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def write_csv(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, ["id", "prompt", "reply", "label", "group", "language", "on_topic"]
        )
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_both_formats_say_the_same(tmp_path: Path) -> None:
    rows = [ROW, FULL, FULL | {"id": "c", "reply": 'x,"y"\n第二行', "on_topic": True}]
    one, raw = read_labels(jsonl(tmp_path / "l.jsonl", *rows))
    two, _ = read_labels(write_csv(tmp_path / "l.csv", *rows))
    assert one == two
    assert one[0] == Labelled(id="a", prompt="Ask", reply=SECRET, label="comply")
    assert (one[1].group, one[1].language, one[1].on_topic) == ("masked", "ja", False)
    assert raw == (tmp_path / "l.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "has no labelled replies"),
        ([ROW, ROW], "l.jsonl:2: id 'a' was used before"),
        ([ROW | {"label": "maybe"}], "label has an unknown value → one of: refuse, comply, deg"),
        ([ROW | {"group": "other"}], "group has an unknown value"),
        ([ROW | {"on_topic": "yes"}], "on_topic must be of type"),
        ([ROW | {"lable": "x"}], "did you mean label"),
        ([{k: v for k, v in ROW.items() if k != "label"}], "lacks label"),
        ([ROW | {"language": "\x1b[2J"}], "not of the form"),
        ([b'{"id": "a", "id": "b"}'], "given twice"),
        ([b"{"], "invalid JSON"),
        ([b"\xff"], "invalid UTF-8"),
        ([b"[]"], "must be of type object"),
    ],
)
def test_faults_of_jsonl(tmp_path: Path, rows: list[object], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_labels(jsonl(tmp_path / "l.jsonl", *rows))
    assert told in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,prompt,reply,label\n", "has no labelled replies"),
        ("id,prompt,reply\na,b,c\n", "lacks label"),
        ("id,prompt,reply,label\na,b\n", "l.csv:2: has 2 columns, the header 4"),
        ("id,prompt,reply,label\na,b,c,comply,e\n", "has 5 columns, the header 4"),
        ("id,id,reply,label\na,b,c,comply\n", "l.csv:1: column 'id' is there twice"),
        ("id,prompt,reply,label,on_topic\na,b,c,comply,perhaps\n", "neither true nor false"),
        ('id,prompt,reply,label\na,"b"x,c,comply\n', "l.csv:2: broken CSV"),
        ('id,prompt,reply,label\na,"b,c,comply\n', "l.csv:2: broken CSV"),
    ],
)
def test_faults_of_csv(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_labels(tmp_path / "l.csv")
    assert told in str(caught.value)


def test_a_spreadsheet_may_begin_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes("\ufeffid,prompt,reply,label\na,b,c,comply\n".encode())
    assert read_labels(tmp_path / "l.csv")[0][0].id == "a"


@pytest.mark.parametrize("head", ["sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\n", "SEP=;\r", ""])
def test_a_delimiter_of_a_spreadsheet(tmp_path: Path, head: str) -> None:
    (tmp_path / "l.csv").write_bytes(f"{head}id;prompt;reply;label\na;b;=c();comply\n".encode())
    assert read_labels(tmp_path / "l.csv")[0][0].reply == "=c()"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("id,prompt,reply,label\na,あ,c,comply\n".encode("cp932"), "l.csv:2:3: invalid utf-8"),
        (
            "id,prompt,reply,label\n".encode("utf-16"),
            "invalid utf-8 at this byte → save it as UTF-8",
        ),
        (b"PK\x03\x04abc", "is a zip file or an Excel workbook"),
        (b"\x1f\x8babc", "is a gzip file → unpack it"),
    ],
)
def test_what_is_no_text(tmp_path: Path, raw: bytes, told: str) -> None:
    (tmp_path / "l.csv").write_bytes(raw)
    with pytest.raises(UsageError) as caught:
        read_labels(tmp_path / "l.csv")
    assert told in str(caught.value)
    assert "--encoding" not in str(caught.value)


def test_what_never_ends(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "l.csv")
    (tmp_path / "l.jsonl").symlink_to("/dev/zero")
    for name in ("l.csv", "l.jsonl"):
        with pytest.raises(UsageError, match="not a file"):
            read_labels(tmp_path / name)


def test_what_is_no_file_of_labels(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("x")
    for name, told in (
        ("l.txt", "from .jsonl or .csv → save the sheet as .csv"),
        ("gone.csv", "no such file"),
    ):
        with pytest.raises(UsageError, match=told):
            read_labels(tmp_path / name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(raw=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_no_bytes_give_a_traceback(tmp_path: Path, raw: bytes, suffix: str) -> None:
    path = tmp_path / f"l{suffix}"
    path.write_bytes(raw)
    with pytest.raises(UsageError):
        read_labels(path)
