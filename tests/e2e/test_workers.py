"""`--workers`: the same evidence whoever computed it, and no process left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from gatekeeper.records.bundle_files import BUNDLE_FILES
from tests.e2e.cli import HARDENED, SUITE, Started, gatekeeper, refused
from tests.e2e.interrupted import ARGUMENTS, BATCH, WORK, rows, wait_for_rows

TWO = (*ARGUMENTS, "--workers", "2")


def start(out, arguments=TWO):
    return Started(*arguments, "--out", out)


def workers(driver: int) -> list[int]:
    """Processes that a driver started to compute (not the one that tidies up after them)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            command = entry.joinpath("cmdline").read_text(errors="replace")
        except OSError:
            continue
        if parent == driver and "spawn_main" in command:
            found.append(int(entry.name))
    return found


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def gone(pid) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def same(out, whole):
    for name in BUNDLE_FILES:
        if name not in {"run.json", "manifest.json"}:
            assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def times(out):
    return json.loads((out / "run.json").read_text())


def test_two_workers_give_the_bytes_of_one(whole, tmp_path):
    out = tmp_path / "out"
    process = start(out)
    (pid,) = wait_for(lambda: workers(process.pid))
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    same(out, whole)
    assert times(out)["rows_computed"] == times(whole)["rows_computed"]
    wait_for(lambda: gone(pid))


def test_a_worker_killed_in_the_middle_changes_nothing(whole, tmp_path):
    out = tmp_path / "out"
    process = start(out)
    (first,) = wait_for(lambda: workers(process.pid))
    wait_for_rows(process, out, 5 * BATCH)
    os.kill(first, signal.SIGKILL)
    (second,) = wait_for(lambda: [p for p in workers(process.pid) if p != first])
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    same(out, whole)
    assert times(out)["rows_computed"] == times(whole)["rows_computed"]
    wait_for(lambda: gone(second))


def test_a_killed_driver_leaves_no_worker_and_its_rows(whole, tmp_path):
    out = tmp_path / "out"
    process = start(out)
    (pid,) = wait_for(lambda: workers(process.pid))
    wait_for_rows(process, out, 5 * BATCH)
    process.kill()
    wait_for(lambda: gone(pid), 20)
    kept = rows(out)
    assert kept >= 5 * BATCH
    again = start(out)
    _, errors = again.communicate(timeout=240)
    assert again.returncode == 0, errors
    same(out, whole)
    assert times(out)["rows_resumed"] >= kept
    assert times(out)["rows_resumed"] + times(out)["rows_computed"] == times(whole)["rows_computed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_in_one_line(tmp_path, number):
    out = tmp_path / "out"
    process = start(out)
    (pid,) = wait_for(lambda: workers(process.pid))
    wait_for_rows(process, out, 2 * BATCH)
    # As a terminal does it: to the driver and to its workers.
    for target in (process.pid, pid) if number == signal.SIGINT else (process.pid,):
        os.kill(target, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "Traceback" not in errors
    assert "interrupted" in errors
    wait_for(lambda: gone(pid), 20)
    assert not (out / WORK / "heartbeat.json").exists()


def test_the_heartbeat_moves_and_stands_still_with_the_work(tmp_path):
    out = tmp_path / "out"
    # Enough prompts that it is at work for the seconds that a beat takes.
    process = start(out, (*ARGUMENTS, "--max-prompts", "60", "--gpu-hour-cost", "3"))
    beat = out / WORK / "heartbeat.json"
    wait_for_rows(process, out, 2 * BATCH)
    first = json.loads(beat.read_text())
    wait_for(lambda: json.loads(beat.read_text())["updated"] > first["updated"])
    os.kill(process.pid, signal.SIGSTOP)
    stopped = beat.read_text()
    time.sleep(2.5)
    assert beat.read_text() == stopped
    assert json.loads(stopped)["money_spent"] > 0
    process.kill()
    assert beat.read_text() == stopped


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--workers", "2", "--device", "spread"), ("--device spread", "leave one")),
        (("--workers", "0"), ("--workers",)),
        (("--ray", "auto"), ("--ray", "--workers")),
        (("--gpu-hour-cost", "nan"), ("--gpu-hour-cost",)),
        (("--gpu-hour-cost", "-1"), ("--gpu-hour-cost",)),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_file_is_written(tmp_path, options, words):
    done = gatekeeper("audit", HARDENED, "--suite", SUITE, "--out", tmp_path / "out", *options)
    if "--ray" in options and "ray is not installed" in done.stderr:
        refused(done, 3, "moe-gatekeeper[ray]")
    else:
        refused(done, 2, *words)
    assert not (tmp_path / "out").exists()
