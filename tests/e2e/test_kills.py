"""`kill -9` at random moments: at most what was in flight is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import random
import time
from functools import partial
from pathlib import Path

import pytest

from gatekeeper.records.bundle_files import BUNDLE_FILES
from tests.e2e.cli import Started
from tests.e2e.interrupted import ARGUMENTS, BATCH, WORK, rows


def _log_rows(log: Path) -> None:
    """From now on each row that is computed is a line in this file, before it is stored."""
    from gatekeeper.engine.generate import sweep

    told = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    real = sweep.run_shard

    def run_shard(loaded, instrument, rows, settings):
        found = real(loaded, instrument, rows, settings)
        os.write(told, "".join(row.key + "\n" for row in rows).encode())
        return found

    sweep.run_shard = run_shard


def start(log: Path, out: Path) -> Started:
    return Started(*ARGUMENTS, "--out", out, before=partial(_log_rows, log))


def killed(log, out, targets, pauses):
    """Sessions that are killed once so many rows are stored, and a moment later each."""
    for target, pause in zip(targets, pauses, strict=True):
        process = start(log, out)
        deadline = time.monotonic() + 200
        while rows(out) < target and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(pause)
        assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
        assert not (out / "manifest.json").exists()
        yield rows(out)


def check(whole, tmp_path, targets, pauses):
    log, out = tmp_path / "log", tmp_path / "out"
    kept = 0
    for now in killed(log, out, targets, pauses):
        assert now >= kept
        kept = now
    process = start(log, out)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    for name in BUNDLE_FILES:
        if name not in {"run.json", "manifest.json"}:
            assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    run, once = (json.loads((d / "run.json").read_text()) for d in (out, whole))
    assert run["rows_resumed"] >= kept
    assert run["rows_resumed"] + run["rows_computed"] == once["rows_computed"]
    computed = log.read_text().split()
    # Copies of an unmasked reply are stored, and computed by nobody.
    assert len(set(computed)) == once["rows_computed"]
    # A batch may have been computed and not yet stored when its process was killed.
    assert len(computed) - len(set(computed)) <= BATCH * len(targets)
    assert not (out / WORK).exists()


def test_two_kills_lose_at_most_a_batch_each_and_repeat_nothing(whole, tmp_path):
    total = json.loads((whole / "run.json").read_text())["rows_computed"]
    check(whole, tmp_path, [total // 6, total // 2], [0.0, 0.03])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_kills_at_random_moments(whole, tmp_path):
    total = json.loads((whole / "run.json").read_text())["rows_computed"]
    rng = random.Random(int(os.environ.get("GATEKEEPER_TEST_SEED", "20")))
    # From before the first row, while the model loads, to shortly before the last.
    targets = sorted(rng.randint(0, total - 4 * BATCH) for _ in range(20))
    check(whole, tmp_path, targets, [rng.uniform(0, 0.1) for _ in targets])
