"""A line that was changed, taken out or moved is found; two writers lose nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import EvidenceError, UsageError
from gatekeeper.evidence.audit_log import START, append, check_log, read_log

TOLD = {"command": "check", "verdict": "passed", "who": {"user": "a"}}


def log_of(path: Path, lines: int) -> Path:
    for number in range(lines):
        append(path, {**TOLD, "number": number})
    return path


def test_what_is_added_is_read_in_order(tmp_path: Path) -> None:
    added = [append(tmp_path / "log", {**TOLD, "number": n}) for n in range(3)]
    read = list(read_log(tmp_path / "log", added[-1].digest))
    assert read == added
    assert [entry.told["number"] for entry in read] == [0, 1, 2]
    assert json.loads((tmp_path / "log").read_text().splitlines()[0])["previous"] == START


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log_of(tmp_path_factory.mktemp("six") / "log", 6)


@given(data=st.data())
def test_any_line_changed_moved_put_in_or_taken_out_is_found(six: Path, data) -> None:
    path, head = six.with_name("changed"), list(read_log(six))[-1].digest
    lines = six.read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1), label="line")
    kind = data.draw(st.sampled_from(["changed", "moved", "put in", "taken out", "bytes"]))
    if kind == "changed":
        lines[at] = lines[at].replace(b"passed", b"failed")
    elif kind == "moved":
        to = data.draw(st.integers(0, len(lines) - 1).filter(lambda n: n != at), label="to")
        lines.insert(to, lines.pop(at))
    elif kind == "put in":
        lines.insert(data.draw(st.integers(0, len(lines)), label="to"), lines[at])
    elif kind == "taken out":
        del lines[at]
    else:
        byte = data.draw(st.integers(0, len(lines[at]) - 1), label="byte")
        lines[at] = lines[at][:byte] + b"#" + lines[at][byte + 1 :]
    path.write_bytes(b"".join(lines))
    with pytest.raises(EvidenceError):
        list(read_log(path, head))


@pytest.mark.parametrize("at", range(5))
def test_without_a_head_too_all_but_the_last_line(six: Path, tmp_path: Path, at: int) -> None:
    path = tmp_path / "log"
    lines = six.read_bytes().splitlines(keepends=True)
    lines[at] = lines[at].replace(b"passed", b"failed")
    path.write_bytes(b"".join(lines))
    with pytest.raises(EvidenceError, match="the line before it was changed") as error:
        list(read_log(path))
    assert error.value.where == f"{path}:{at + 2}"


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = (
        "import sys; from pathlib import Path; from gatekeeper.evidence.audit_log import append\n"
        "for n in range(40): append(Path(sys.argv[1]), {'writer': sys.argv[2], 'number': n})"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    entries = [entry.told for entry in read_log(path)]
    assert len(entries) == 80
    for name in ("a", "b"):
        assert [e["number"] for e in entries if e["writer"] == name] == list(range(40))


def test_what_is_no_log_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("notes\n")
    with pytest.raises(UsageError, match="ends in no line of an audit log"):
        check_log(path)
    with pytest.raises(UsageError):
        append(path, TOLD)
    assert path.read_text() == "notes\n"
    with pytest.raises(UsageError, match="no such directory"):
        check_log(tmp_path / "gone" / "log")


def test_a_line_that_was_cut_off_is_found(tmp_path: Path) -> None:
    path = log_of(tmp_path / "log", 2)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(EvidenceError, match="cut off"):
        list(read_log(path))
