from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.engine.generate import batch_size as fit
from gatekeeper.engine.generate.batch_size import (
    USUAL_ROWS,
    fitting_rows,
    measured_rows,
    rows_now,
    rows_within,
    weighed_rows,
)
from gatekeeper.engine.model.weights_room import BESIDE
from gatekeeper.errors import AuditError
from gatekeeper.evidence.trial_store import TrialStore
from tests.engine.tiny_loaded import encoded, loaded, loaded_with

PROMPT = encoded(3)[-1].ids


class Device:
    """A made-up device on which a row takes so many bytes per token, and a batch some more."""

    def __init__(self, free: int, per_token: int, batch: int = 0, capacity: int = 10**6) -> None:
        self._free, self._per_token, self._batch = free, per_token, batch
        self._capacity = capacity
        self.shapes: list[tuple[int, int]] = []

    def free(self) -> int:
        return self._free

    def peak(self, run) -> int:
        self.shapes.clear()
        model = loaded("mixtral").model
        handle = model.register_forward_pre_hook(self._see, with_kwargs=True)
        try:
            run()
        finally:
            handle.remove()
        rows, tokens = self.shapes[-1]
        return self._batch + rows * tokens * self._per_token

    def _see(self, _module, _args, kwargs) -> None:
        self.shapes.append(tuple(kwargs["attention_mask"].shape))
        if self.shapes[-1][0] > self._capacity:
            raise torch.cuda.OutOfMemoryError("made up")


@given(
    st.integers(0, 10**12), st.floats(1, 1e9), st.floats(0, 1e9), st.sampled_from([1, 128, 1024])
)
def test_the_largest_power_of_two_that_fits(free, row, batch, most):
    rows = rows_within(free, row, batch, most)
    assert rows & (rows - 1) == 0
    assert rows == 1 or batch + rows * row <= 0.8 * free
    assert rows == most or batch + 2 * rows * row > 0.8 * free


def test_what_a_row_takes_is_found_from_first_to_last_token():
    model = loaded("mixtral")
    tokens = len(PROMPT) + 6 - 1  # the last token is never fed
    row, batch = tokens * 1000, 500_000
    for rows in (4, 64):
        free = int((batch + rows * row) / 0.8) + 10
        assert measured_rows(model, PROMPT, 6, Device(free, 1000, batch)) == rows
        assert measured_rows(model, PROMPT, 6, Device(free - 1000, 1000, batch)) == rows // 2
    assert measured_rows(model, PROMPT, 6, Device(10**15, 1000, batch)) == fit.MOST_ROWS


def test_a_device_that_does_not_hold_the_small_batches_gets_single_rows():
    assert measured_rows(loaded("mixtral"), PROMPT, 6, Device(10**9, 1000, capacity=5)) == 1


@pytest.mark.parametrize("family", ["mixtral", "deepseek_v3", "minimax", "jamba"])
def test_a_processor_weighs_the_cache_whatever_its_kind(family):
    model = loaded(family)
    assert weighed_rows(model, PROMPT, 6, 10**12) == USUAL_ROWS
    few, more = (weighed_rows(model, PROMPT, 6, free) for free in (400_000, 1_600_000))
    assert 1 <= few < more < USUAL_ROWS
    longer, shorter = (weighed_rows(model, PROMPT, new, 40_000_000) for new in (600, 6))
    assert longer < shorter
    assert weighed_rows(model, PROMPT, 6, None) == USUAL_ROWS


def test_a_resumed_audit_keeps_the_number_it_began_with(tmp_path, monkeypatch):
    model, prompts = loaded("mixtral"), encoded(3)
    with TrialStore(tmp_path / "s") as store:
        monkeypatch.setattr(fit, "available_memory", lambda: 400_000)
        first = fitting_rows(model, prompts, 6, store)
        monkeypatch.setattr(fit, "available_memory", lambda: 10**12)
        assert fitting_rows(model, prompts, 6, store) == first < USUAL_ROWS
    assert fitting_rows(model, prompts, 6, None) == USUAL_ROWS


def test_a_model_on_several_devices_gets_the_usual_number(monkeypatch):
    model = loaded_with("mixtral", 7)
    monkeypatch.setattr(fit, "available_memory", lambda: 400_000)
    assert fitting_rows(model, encoded(3), 6, None) < USUAL_ROWS
    spread: Any = model.model
    spread.hf_device_map = {"model.layers.0": 0, "model.layers.1": "cpu"}
    assert fitting_rows(model, encoded(3), 6, None) == USUAL_ROWS
    spread.hf_device_map = {"model.layers.0": "cpu", "model.layers.1": "disk"}
    assert fitting_rows(model, encoded(3), 6, None) < USUAL_ROWS  # no memory but this one


def test_fewer_rows_run_where_less_memory_is_free_than_when_their_number_was_found(monkeypatch):
    model, scores = loaded("gpt_oss"), 3 * 4 * 4 * 600**2
    monkeypatch.setattr(fit, "available_memory", lambda: 10 * scores)
    assert 2 <= rows_now(model, 600, 100) <= 8
    assert rows_now(model, 10, 100) == 100
    monkeypatch.setattr(fit, "available_memory", lambda: 0)
    assert rows_now(model, 600, 100) == 1
    monkeypatch.setattr(fit, "available_memory", lambda: None)
    assert rows_now(model, 600, 100) == 100


def test_replicas_share_what_a_processor_has(monkeypatch):
    model = loaded("mixtral")
    weights = sum(p.numel() * p.element_size() for p in model.model.parameters())
    for replicas in (1, 4):
        free = 400_000 * replicas + (replicas - 1) * (weights + BESIDE)
        monkeypatch.setattr(fit, "available_memory", lambda free=free: free)
        rows = fitting_rows(model, encoded(3), 6, None, replicas)
        assert rows == weighed_rows(model, max((e.ids for e in encoded(3)), key=len), 6, 400_000)


def test_scores_that_attention_writes_down_make_batches_of_long_prompts_smaller():
    """Three copies in float32 of a score of each of 4 heads and of every pair of tokens."""
    model, long = loaded("gpt_oss"), PROMPT[:1] * 600
    scores = 3 * 4 * 4 * 600**2
    free = 100 * scores
    rows = weighed_rows(model, long, 6, free)
    assert 0.25 * free < rows * scores <= 0.8 * free
    assert weighed_rows(loaded("mixtral"), long, 6, free) > rows
    assert weighed_rows(model, PROMPT, 6, free) == USUAL_ROWS


def test_replies_that_are_read_whole_count_too():
    model, free = loaded("gpt_oss"), 2 * 3 * 4 * 4 * 2000**2
    assert weighed_rows(model, PROMPT, 6, free) > weighed_rows(model, PROMPT, 1900, free)


def test_a_row_that_does_not_fit_is_refused_before_it_runs():
    model, long = loaded("gpt_oss"), PROMPT[:1] * 600
    with pytest.raises(
        AuditError, match=r"600 tokens, 6 more of reply\) works in 0\.0 GB"
    ) as caught:
        weighed_rows(model, long, 6, 3 * 4 * 4 * 600**2)
    assert "shorter prompts" in str(caught.value.remedy)
