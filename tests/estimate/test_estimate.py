"""Ranges, replicas and what does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.engine.generate import batch_size as fit
from gatekeeper.errors import UsageError
from gatekeeper.estimate.estimate import (
    MOST_ROWS,
    USUAL_ROWS,
    fitting_rows,
    on_device,
    on_this_machine,
)
from gatekeeper.estimate.hardware import DEVICES, Device
from gatekeeper.estimate.model_size import config_only, shape_of
from gatekeeper.estimate.roofline import USABLE, Format, Memory
from gatekeeper.estimate.working_memory import working_memory
from tests.e2e.cli import ROOT
from tests.estimate.test_workload import SHAPE, plan

BFLOAT16 = Format(weight=2.0, cache=2.0)
QWEN = shape_of(config_only(ROOT / "benchmarks" / "configs" / "qwen3-30b-a3b.json"))
H100 = DEVICES["h100"]


def test_the_best_is_below_the_worst_in_every_stage():
    found = on_device(plan(), QWEN, BFLOAT16, H100, None)
    assert all(0 < s.low < s.high for s in found.stages)
    assert found.low == pytest.approx(sum(s.low for s in found.stages))
    assert found.hours == (found.low / 3600, found.high / 3600)


def test_twice_the_prompts_take_about_twice_the_time():
    once = on_device(plan(max_prompts=60), QWEN, BFLOAT16, H100, None)
    twice = on_device(plan(max_prompts=120), QWEN, BFLOAT16, H100, None)
    time = {name: {s.name: s.high for s in one.stages} for name, one in (("a", once), ("b", twice))}
    assert time["b"]["trials"] / time["a"]["trials"] == pytest.approx(2, rel=0.15)


def test_copies_side_by_side_divide_the_time_and_not_the_hours_paid():
    one, four = (on_device(plan(), QWEN, BFLOAT16, H100, n) for n in (1, 4))
    assert four.replicas == 4 and four.high == pytest.approx(one.high / 4)
    assert four.hours[1] == pytest.approx(one.hours[1])
    assert any("4 copies" in line for line in four.assumptions)


def test_a_model_that_needs_two_is_not_put_on_one():
    big = replace(QWEN, expert=QWEN.expert * 3)
    assert on_device(plan(), big, BFLOAT16, H100, None).per_replica == 3
    with pytest.raises(UsageError, match="do not fit on 2 H100"):
        on_device(plan(), big, BFLOAT16, H100, 2)
    spread = on_device(plan(), big, BFLOAT16, H100, 7)
    assert (spread.replicas, spread.devices) == (2, 6)
    assert any("spread over 3 GPUs" in line for line in spread.assumptions)


def test_rows_fill_the_memory_and_no_more():
    rows = fitting_rows(50, 100, QWEN, BFLOAT16, H100)
    assert USUAL_ROWS < rows < MOST_ROWS
    weights = QWEN.parameters * BFLOAT16.weight
    held, more = (
        weights
        + working_memory(QWEN, 2.0, longest=50, new_tokens=100, rows=n, processor=False).sweep
        for n in (rows, rows + 1)
    )
    assert held <= USABLE * H100.memory < more
    assert fitting_rows(2, 8, SHAPE, BFLOAT16, H100) == MOST_ROWS
    assert (fit.USUAL_ROWS, fit.MOST_ROWS) == (USUAL_ROWS, MOST_ROWS)


def test_this_machine_runs_at_the_pace_of_its_calibration():
    device = Device(name="this machine", flops=1e11, bandwidth=1e10, memory=1e10)
    alive = (1.0,) * 7
    needed = Memory(weights=5.0, cache=0.0, logits=0.0, working=2.0, beside=1.0)
    found = on_this_machine(plan(), SHAPE, device, 0.1, alive, needed=needed)
    half = on_this_machine(plan(), SHAPE, device, 0.2, alive, needed=needed)
    assert found.low == pytest.approx(2 * half.low)
    assert found.high / found.low == pytest.approx(1.25 / 0.8)
    ended = on_this_machine(plan(), SHAPE, device, 0.1, (0.5,) * 7, needed=needed)
    assert ended.low < found.low
    assert found.memory == needed and needed.total == 8.0
