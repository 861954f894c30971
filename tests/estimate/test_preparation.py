"""What comes before the first reply is counted too."""

from __future__ import annotations

import pytest

from gatekeeper.estimate import preparation
from gatekeeper.estimate.estimate import on_device
from gatekeeper.estimate.preparation import (
    FAST,
    SLOW,
    seconds_to_hash,
    with_assumed,
    with_preparation,
)
from tests.estimate.test_estimate import BFLOAT16, H100, QWEN
from tests.estimate.test_workload import plan

BARE = on_device(plan(), QWEN, BFLOAT16, H100, None)


def test_its_stages_come_first_and_add_up():
    found = with_preparation(BARE, (1.0, 2.0), (3.0, 5.0), (4.0, 8.0))
    assert [s.name for s in found.stages[:3]] == ["hashing", "loading", "self-test"]
    assert found.stages[3:] == BARE.stages
    assert found.low == pytest.approx(BARE.low + 8)
    assert found.high == pytest.approx(BARE.high + 15)


def test_of_gpus_it_is_assumed_by_bytes_and_says_so():
    found = with_assumed(BARE, 61e9)
    hashing = found.stages[0]
    assert (hashing.low, hashing.high) == (61e9 / FAST, 61e9 / SLOW)
    assert any("read twice" in line for line in found.assumptions)


def test_the_rate_of_a_sample_stands_for_all_files(tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "_SAMPLE", 3_000_000)
    for name, size in (("a", 2_000_000), ("b", 4_000_000)):
        (tmp_path / name).write_bytes(b"\0" * size)
    ticks = iter((10.0, 13.0))
    files = [tmp_path / "a", tmp_path / "b"]
    assert seconds_to_hash(files, lambda: next(ticks)) == pytest.approx(6.0)


def test_no_bytes_take_no_time(tmp_path):
    (tmp_path / "a").touch()
    ticks = iter((1.0, 1.0))
    assert seconds_to_hash([tmp_path / "a"], lambda: next(ticks)) == 0
