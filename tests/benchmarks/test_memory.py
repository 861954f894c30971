"""The memory benchmark: what it prints follows from what was told and measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import memory
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.model.weights_room import BESIDE
from tools.shapes.config import config_of
from tools.shapes.write import write

GB = 1e9


def test_the_peak_is_of_what_runs():
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux marks peaks")
    (before, _), _ = memory.peak(lambda: None)
    (during, seconds), size = memory.peak(lambda: len(bytearray(b"x") * 200_000_000))
    assert size == 200_000_000 and seconds >= 0
    assert 0.15 * GB < during - before < 0.3 * GB


def test_weights_are_the_least_that_is_told(tmp_path):
    write(config_of("olmoe-1b-7b", layers=2, scale=0.0625), tmp_path / "m")
    told = memory.told(tmp_path / "m", *memory.USUAL)
    described = describe(open_checkpoint(tmp_path / "m"))
    assert told["weights"] == 2 * described.parameters
    assert all(told[step] > told["weights"] + BESIDE for step in memory.STEPS)


def test_the_highest_of_all_steps_are_compared():
    before = {"weights": 4 * GB} | dict.fromkeys(memory.STEPS, 5 * GB) | {"sweep": 6 * GB}
    after = dict.fromkeys(memory.STEPS, (5 * GB, 1.0))
    line, ratio = memory.compared("olmoe-1b-7b", before, after)
    assert ratio == pytest.approx(1.2)
    assert "| 6.00 / 5.00 | 1.20 | 1.25 | 1 |" in line
    assert "not all within 15%" in memory.section([(line, 1.0)], [(line, ratio)])
    assert "all within 15%" in memory.section([(line, 1.1)], [])
