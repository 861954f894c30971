"""What several modules read: made once per test run, by whichever of its processes asks first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.cli import gatekeeper
from tests.e2e.interrupted import ARGUMENTS


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all processes of a test run share, made by the first."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    made = base / f"{name}-made"
    with (base / f"{name}-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not made.exists():
            make(base / name)
            made.touch()
    return base / name


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the audit of `tests.e2e.interrupted` leaves if nothing interrupts it."""

    def make(out: Path) -> None:
        done = gatekeeper(*ARGUMENTS, "--out", out)
        assert done.returncode == 0, done.stderr

    return once(tmp_path_factory, "whole-audit", make)
