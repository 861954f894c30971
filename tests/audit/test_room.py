"""Where a model goes and in which format: one rule of what fits, with what an audit works in."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from benchmarks.estimates import audit_options
from gatekeeper.audit.estimate import estimate_of
from gatekeeper.audit.plan import plan
from gatekeeper.audit.room import beside_spread, device_and_dtype, narrowed, refuse_too_little
from gatekeeper.engine.model import load, weights_room
from gatekeeper.engine.model.weights_room import BESIDE, weight_bytes
from gatekeeper.errors import AuditError
from tests.e2e.cli import HARDENED, SUITE

LINE = ("--max-prompts", "8", "--max-new-tokens", "4")


def test_auto_is_narrower_where_the_weights_fit_and_what_is_beside_them_does_not(monkeypatch):
    request = plan(HARDENED, audit_options(SUITE, *LINE), None, print)
    weights = weight_bytes(request.description, torch.float32) + BESIDE
    monkeypatch.setattr(load, "total_memory", lambda: 2 * weights)
    assert device_and_dtype(request)[1] is torch.float32
    assert narrowed(request) == ()
    monkeypatch.setattr(load, "total_memory", lambda: weights)
    assert device_and_dtype(request)[1] is torch.bfloat16
    assert "bfloat16 is taken" in narrowed(request)[0]


def test_a_spread_model_is_held_to_the_memory_that_its_refusal_asks_for(monkeypatch):
    """In the format that it names: more memory must not bring one that needs still more."""
    line = (*LINE, "--device", "spread")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    request = plan(HARDENED, audit_options(SUITE, *line), None, print)
    monkeypatch.setattr(load, "total_memory", lambda: BESIDE)
    narrow = BESIDE + beside_spread(request)
    monkeypatch.setattr(weights_room, "held_memory", lambda: 0)
    for free, refused in ((int(narrow) - 1, True), (int(narrow) + 1, False)):
        monkeypatch.setattr(load, "total_memory", lambda free=free: free)
        monkeypatch.setattr(weights_room, "available_memory", lambda free=free: free)
        with pytest.raises(AuditError, match="wherever") if refused else nullcontext():
            refuse_too_little(request)


def test_too_many_rows_are_told_to_be_left_to_the_memory(monkeypatch):
    request = plan(HARDENED, audit_options(SUITE, *LINE, "--batch-rows", "100000"), None, print)
    weights = weight_bytes(request.description, torch.float32) + BESIDE
    monkeypatch.setattr(load, "total_memory", lambda: 1 << 60)
    monkeypatch.setattr(weights_room, "available_memory", lambda: weights + 100_000_000)
    with pytest.raises(AuditError) as caught:
        refuse_too_little(request)
    assert caught.value.remedy == "use --batch-rows auto, which takes as many as fit"
    refuse_too_little(plan(HARDENED, audit_options(SUITE, *LINE), None, print))


def test_estimate_and_audit_tell_one_total(monkeypatch):
    """To the byte: what an estimate tells is enough for the audit, and a byte less is not."""
    line = (*LINE, "--dtype", "bfloat16")
    _, told = estimate_of(HARDENED, audit_options(SUITE, *line), None, "cpu", None)
    request = plan(HARDENED, audit_options(SUITE, *line), None, print)
    monkeypatch.setattr(weights_room, "held_memory", lambda: 0)
    monkeypatch.setattr(weights_room, "available_memory", lambda: int(told.memory.total) + 1)
    refuse_too_little(request)
    monkeypatch.setattr(weights_room, "available_memory", lambda: int(told.memory.total) - 1)
    with pytest.raises(AuditError, match="GB in all, and"):
        refuse_too_little(request)
    with pytest.raises(AuditError, match="GB in all, and") as caught:
        estimate_of(HARDENED, audit_options(SUITE, *line), None, "cpu", None)
    # Which of its own options helps: it takes no `--device spread`.
    assert str(caught.value.remedy).startswith("use --device h100 or another to plan for (an audit")
