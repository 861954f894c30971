"""An audit to interrupt: what is asked, and how far it has come. `whole` is what it leaves."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from tests.e2e.cli import HARDENED, SMALL, SUITE

WORK = ".gatekeeper-work"
BATCH = 8
ARGUMENTS = (
    "audit", HARDENED, "--suite", SUITE, *SMALL, "--max-prompts", "12", "--batch-rows", str(BATCH),
    "--selector", "ses-frequency", "--selector", "greedy", "--budget", "600",
)  # fmt: skip


def rows(out) -> int:
    path = out / WORK / "trials.sqlite"
    if not path.is_file():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM replies").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def wait_for_rows(process, out, least: int) -> None:
    deadline = time.monotonic() + 200
    while rows(out) < least:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
