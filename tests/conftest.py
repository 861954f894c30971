"""Settings of all tests."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import settings

# Tiny models: a second thread has nothing to do but wait for the first, on a busy machine for long
# (measured: 30 tests in 22 s instead of 287 s). Before torch is imported; subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline: machines are shared, and speed is measured in benchmarks/, never here. Derandomised,
# so that a run can be repeated.
settings.register_profile("gatekeeper", deadline=None, derandomize=True)
settings.load_profile("gatekeeper")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules that take minutes go first: last, one worker would wait for the other's."""
    items.sort(key=lambda item: "tests/e2e/" not in item.nodeid)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it for garbage was a sixth of all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
