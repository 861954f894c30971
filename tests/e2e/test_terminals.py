"""Output on terminals that lack characters, are closed, full or gone: exit codes stay."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.commands import demo
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.report.document import SIGNS
from tests.e2e.cli import ROOT
from tests.evidence.whole import whole_evidence
from tests.typed import some

ENCODINGS = ["ascii", "latin-1", "shift_jis", "utf-16"]
POLICY = ROOT / "policies" / "release.yaml"
ODD = b"/nowhere/\xff\xc3\xa9\x9b\xe6\x97\xa5\xe6"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "日本-→-é"
    write_bundle(whole_evidence(), folder)
    return folder


def run(*arguments, encoding: str = "utf-8", **more) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "gatekeeper", *map(os.fsencode, arguments)],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        timeout=100,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_verdict_whatever_the_terminal_can_show(evidence, encoding) -> None:
    done = run("check", evidence, "--policy", POLICY, encoding=encoding)
    assert done.returncode == 10, done.stderr
    assert " FAILED: " in done.stdout.decode(encoding)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "shift_jis"])
def test_every_command_and_every_error(evidence, encoding, tmp_path) -> None:
    calls = {
        ("policy", "explain", POLICY): 0,
        ("policy", "lint", POLICY): 0,
        ("verify", evidence): 0,
        ("catalog",): 0,
        ("inspect", ROOT / "demo" / "hardened"): 0,
        ("check", "--help"): 0,
        ("verify", ODD): 2,
        ("check", ODD, "--policy", ODD): 2,
        ("suite", "lint", "/nowhere/日本"): 2,
        ("日本→",): 2,
    }
    for call, code in calls.items():
        done = run(*call, encoding=encoding)
        assert done.returncode == code, (call, done.stderr)
        assert b"Traceback" not in done.stderr
        (done.stdout + done.stderr).decode(encoding)


def test_half_a_character_in_a_path_on_a_terminal_that_has_them_all(evidence, tmp_path) -> None:
    out = os.fsencode(tmp_path) + b"/\xff\xc3"
    done = run("report", evidence, "--policy", POLICY, "--out", out, "--format", "markdown")
    assert done.returncode == 2
    assert "\ufffd\ufffd' → rename it" in done.stderr.decode()


def test_signs_keep_their_meaning() -> None:
    script = (
        "from gatekeeper._process import outlive_readers as o; o(); "
        "print('−1 – 2 → 3 ≤ 4 × 5… é ✓ \\udcff'); raise SystemExit('→ −1')"
    )
    for encoding, rest in {"ascii": "x 5... ? ok ?", "latin-1": "× 5... é ok ?"}.items():
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        assert done.stdout.decode(encoding) == f"-1 - 2 -> 3 <= 4 {rest}\n"
        assert done.stderr.decode(encoding) == "-> -1\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "shift_jis", "utf-8"])
def test_no_mark_looks_like_another(evidence, encoding) -> None:
    script = (
        "from gatekeeper._process import outlive_readers as o; o(); "
        "from gatekeeper.report.document import SIGNS; print(*SIGNS.values(), '–', '?')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    marks = done.stdout.decode(encoding).split()
    assert len(marks) == len(set(marks)) == len(SIGNS) + 2
    told = [
        {
            line.split()[0]
            for line in run("verify", evidence, encoding=e).stdout.decode(e).split("\n")
            if line
        }
        for e in ("utf-8", encoding)
    ]
    assert {"✓", "–"} <= told[0] <= {"✓", "–", "?"}
    assert len(told[0]) == len(told[1])


def test_whatever_is_not_ascii_in_our_words_has_a_stand_in() -> None:
    words = (bundled("report_templates") / "wording" / "en.yaml").read_text(encoding="utf-8")
    printed = "".join(
        path.read_text(encoding="utf-8")
        for path in (
            ROOT / "gatekeeper" / "cli.py",
            *(ROOT / "gatekeeper" / "commands").glob("*.py"),
        )
    )
    ours = {c for c in words + printed if not c.isascii()} - {"\ufffd"}  # that is no sign of ours
    text = "".join(sorted(ours))
    script = f"from gatekeeper._process import outlive_readers as o; o(); print({text!a})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert "?" not in done.stdout.decode(), text


def test_the_gates_of_the_demo_are_heard_whatever_the_terminal(monkeypatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    gate = demo._start("x", ["policy", "explain", "--help"], 1)
    other = demo._start("y", ["verify", "/nowhere/日本"], 1)
    assert "Usage" in some(gate.process.stdout).read()
    assert (gate.process.wait(60), other.process.wait(60)) == (0, 2)
    other.relay.join()
    assert "日本" in other.errors[0]


def test_what_is_typed_in_another_encoding_is_no_traceback() -> None:
    script = "from gatekeeper._process import outlive_readers as o; o(); print(ascii(input()))"
    done = subprocess.run([sys.executable, "-c", script], input=b"f\xfcr\n", capture_output=True)
    assert done.stdout == b"'f\\ufffdr'\n", done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_from_the_start(evidence, closed) -> None:
    command = f'"$0" -m gatekeeper check "$1" --policy "$2" {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, evidence, POLICY], capture_output=True
    )
    assert done.returncode == 10
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_under_stdout_is_told_and_under_stderr_it_cannot_be(evidence) -> None:
    check = ("check", evidence, "--policy", POLICY)
    with Path("/dev/full").open("wb") as full:
        done = run(*check, stdout=full)
        assert done.returncode == 3
        assert b"disk full" in done.stderr
        assert done.stderr.count(b"\n") == 1
        assert run(*check, stderr=full).returncode == 10
        assert run("check", "nowhere", "--policy", POLICY, stderr=full).returncode == 2
        assert run(*check, stdout=full, stderr=full).returncode == 3


def test_a_terminal_that_goes_away(evidence) -> None:
    ours, theirs = pty.openpty()
    os.close(ours)
    try:
        assert run("check", evidence, "--policy", POLICY, stdout=theirs).returncode == 10
    finally:
        os.close(theirs)


@pytest.mark.parametrize("encoding", ["idna", "undefined", "utf-8:nonsense"])
def test_encodings_that_cannot_write_text_give_way(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-m", "gatekeeper", "policy", "lint", "nowhere.yaml"],
        env=environment,
        capture_output=True,
    )
    assert done.returncode == 2
    assert "cannot be read: No such file or directory → check the path" in done.stdout.decode()
