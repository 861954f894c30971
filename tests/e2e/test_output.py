"""Output directories, full disks, signals: what was computed is kept, nothing passes unawares."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from gatekeeper.records.bundle_files import BUNDLE_FILES
from tests.e2e.cli import Started, gatekeeper, refused
from tests.e2e.interrupted import ARGUMENTS, WORK, rows, wait_for_rows


@pytest.mark.parametrize("at", [pytest.param(20, marks=pytest.mark.slow), 70])
def test_kill_9_resumes_to_the_same_bytes_and_computes_nothing_twice(whole, tmp_path, at):
    out = tmp_path / "out"
    process = Started(*ARGUMENTS, "--out", out)
    wait_for_rows(process, out, at)
    process.kill()
    kept = rows(out)
    assert kept >= at
    assert (out / WORK).stat().st_mode & 0o077 == 0, "replies are kept there"
    assert not (out / "manifest.json").exists()
    done = gatekeeper(*ARGUMENTS, "--out", out)
    assert done.returncode == 0, done.stderr
    assert f"going on with the audit that was stopped here: {kept} replies in " in done.stderr
    for name in BUNDLE_FILES:
        if name not in {"run.json", "manifest.json"}:
            assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    run, once = (json.loads((d / "run.json").read_text()) for d in (out, whole))
    assert run["rows_resumed"] >= kept
    assert run["rows_resumed"] + run["rows_computed"] == once["rows_computed"]
    assert not (out / WORK).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_one_line_and_keep_the_rows(tmp_path, number):
    out = tmp_path / "out"
    process = Started(*ARGUMENTS, "--out", out)
    wait_for_rows(process, out, 10)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "Traceback" not in errors
    assert "interrupted" in errors and "run the same command again" in errors
    assert rows(out) >= 10
    other = Started(*ARGUMENTS, "--out", out, "--seed", "5")
    while "takes its place" not in other.errors():
        assert other.poll() is None
        time.sleep(0.02)
    other.kill()
    assert "an unfinished audit with other options is here" in other.errors()
    assert "this one takes its place" in other.errors()


def test_a_directory_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    refused(gatekeeper(*ARGUMENTS, "--out", tmp_path), 2, "not empty", "another --out")
    refused(gatekeeper(*ARGUMENTS, "--out", tmp_path, "--overwrite"), 2, "not empty")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_finished_evidence_is_not_overwritten_unasked(whole):
    before = (whole / "evidence.json").read_bytes()
    refused(gatekeeper(*ARGUMENTS, "--out", whole), 2, "finished", "--overwrite")
    assert (whole / "evidence.json").read_bytes() == before


def test_a_file_in_the_place_of_the_directory(tmp_path):
    (tmp_path / "out").write_text("")
    refused(gatekeeper(*ARGUMENTS, "--out", tmp_path / "out"), 2, "not a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    refused(gatekeeper(*ARGUMENTS, "--out", tmp_path / "out"), 3, "cannot write")


def test_a_read_only_place():
    """`/proc` refuses everyone, root too."""
    refused(gatekeeper(*ARGUMENTS, "--out", "/proc/gatekeeper-out"), 3, "/proc/gatekeeper-out")


@pytest.fixture
def small_disk(tmp_path):
    mounted = tmp_path / "disk"
    mounted.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(mounted)], capture_output=True
    )
    if made.returncode:
        pytest.skip("no tmpfs can be mounted here (needs root)")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


def test_a_full_disk_is_named_and_loses_nothing(small_disk, whole):
    out = small_disk / "out"
    done = gatekeeper(*ARGUMENTS, "--out", out)
    refused(done, 3, "disk full", "run the same command again")
    kept = rows(out)
    assert kept > 0
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    done = gatekeeper(*ARGUMENTS, "--out", out)
    assert done.returncode == 0, done.stderr
    assert (out / "evidence.json").read_bytes() == (whole / "evidence.json").read_bytes()
    assert json.loads((out / "run.json").read_text())["rows_resumed"] >= kept
