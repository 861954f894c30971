"""Weights that do not fit are told before one is read, with what would fit."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.model import load, weights_room
from gatekeeper.engine.model.host_memory import held_memory
from gatekeeper.engine.model.load import pick_dtype
from gatekeeper.engine.model.weights_room import (
    BESIDE,
    refuse_no_passage,
    refuse_no_room,
    refuse_no_work,
    weight_bytes,
)
from gatekeeper.errors import AuditError
from tests.e2e.cli import HARDENED, ROOT, SUITE, gatekeeper

CPU = torch.device("cpu")
LARGE = replace(describe(open_checkpoint(HARDENED)), parameters=7_000_000_000)


@pytest.mark.parametrize(
    ("free", "dtype", "words"),
    [
        (
            24e9,
            torch.float32,
            ("28.0 GB in float32", "28.5 GB in all", "24.0 GB", "--dtype bfloat16 (14.5 GB)"),
        ),
        (14e9, torch.float32, ("28.5 GB", "--device spread")),
        (14e9, torch.bfloat16, ("14.0 GB in bfloat16", "14.5 GB in all", "use --device spread")),
    ],
)
def test_too_large_weights_are_told_with_what_would_fit(
    free: float, dtype: torch.dtype, words: tuple[str, ...]
) -> None:
    with pytest.raises(AuditError) as caught:
        refuse_no_room(LARGE, CPU, dtype, "olmoe", int(free))
    told = f"{caught.value.message} {caught.value.remedy}"
    assert all(word in told for word in words), told


def test_disk_is_advised_only_where_what_an_audit_works_in_fits_without_the_weights() -> None:
    for working, advised in ((1e9, True), (4e9, False)):
        with pytest.raises(AuditError) as caught:
            refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", int(4e9), working=working)
        assert ("--device spread" in str(caught.value.remedy)) is advised
        assert "where a limit is set" in str(caught.value.remedy)
    refuse_no_work("olmoe", 1e9, int(4e9))
    with pytest.raises(AuditError, match=r"works in 4\.5 GB wherever its weights lie, and 4\.0 GB"):
        refuse_no_work("olmoe", 4e9, int(4e9))


def test_what_fits_to_the_byte_is_not_refused() -> None:
    enough = weight_bytes(LARGE, torch.bfloat16) + BESIDE
    refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", enough)
    with pytest.raises(AuditError):
        refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", enough - 1)


def test_working_memory_counts_too_and_says_what_makes_it_smaller() -> None:
    enough = weight_bytes(LARGE, torch.bfloat16) + BESIDE
    with pytest.raises(AuditError) as caught:
        refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", enough, working=2e9)
    assert "working memory 2.0 GB beside them, 16.5 GB in all" in caught.value.message
    assert "use shorter prompts, a smaller --max-new-tokens, --device spread" in str(
        caught.value.remedy
    )
    with pytest.raises(AuditError) as caught:
        refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", enough, working=2e9, least=0.0)
    assert caught.value.remedy == "use --batch-rows auto, which takes as many as fit"
    with pytest.raises(AuditError, match="use --device spread"):  # loading takes it all
        refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", enough, working=2e9, fixed=2e9)
    refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", enough + 2 * 10**9, working=2e9)


def test_each_worker_has_weights_of_its_own() -> None:
    one = weight_bytes(LARGE, torch.bfloat16) + BESIDE
    refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", 3 * one, replicas=3)
    with pytest.raises(AuditError, match=r"43\.4 GB in all for 3 workers") as caught:
        refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe", 2 * one, replicas=3)
    assert caught.value.remedy == "use --workers 2"


def test_weights_for_a_gpu_pass_through_the_memory_of_the_host() -> None:
    one = weight_bytes(LARGE, torch.bfloat16) + BESIDE
    refuse_no_passage(LARGE, torch.bfloat16, "olmoe", loading=1e9, free=one + 10**9)
    with pytest.raises(AuditError, match=r"15\.5 GB in bfloat16, and 15\.5 GB are free") as caught:
        refuse_no_passage(LARGE, torch.bfloat16, "olmoe", loading=1e9, free=one + 10**9 - 1)
    assert "--device spread, which loads piece by piece" in str(caught.value.remedy)
    with pytest.raises(AuditError, match="for 4 workers") as caught:
        refuse_no_passage(LARGE, torch.bfloat16, "olmoe", replicas=4, free=2 * one)
    assert caught.value.remedy == "use --workers 2"


def test_nothing_is_refused_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_room, "available_memory", lambda: None)
    refuse_no_room(LARGE, CPU, torch.float32, "olmoe")


def test_auto_takes_bfloat16_where_float32_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "total_memory", lambda: 24 * 10**9)
    assert pick_dtype("auto", CPU, "bfloat16", 7 * 10**9) is torch.bfloat16
    assert pick_dtype("auto", CPU, "bfloat16", 5 * 10**9) is torch.float32
    assert pick_dtype("float32", CPU, "bfloat16", 7 * 10**9) is torch.float32
    room = 24 * 10**9 - 5 * 10**9 * 4 - BESIDE
    assert pick_dtype("auto", CPU, "bfloat16", 5 * 10**9, room) is torch.float32
    assert pick_dtype("auto", CPU, "bfloat16", 5 * 10**9, room + 1) is torch.bfloat16


def test_an_audit_ends_at_once_with_a_line(tmp_path: Path) -> None:
    """A machine that has next to nothing left, as the kernel would tell of it."""
    (tmp_path / "sitecustomize.py").write_text(
        "from gatekeeper.engine.model import weights_room as room\n"
        "room.available_memory = lambda: 9 << 20\n"
        "room.held_memory = lambda: 0\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    line = ("audit", HARDENED, "--suite", SUITE, "--max-prompts", "8", "--out", tmp_path / "out")
    done = gatekeeper(*line, PYTHONPATH=path)
    assert done.returncode == 3, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "hardened: its weights take 0.0 GB in float32, working memory" in last
    assert "0.5 GB in all, and 0.0 GB are free on cpu" in last


def test_what_the_program_holds_already_is_not_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever adds what the message says is lacking gets through at the second try."""
    enough = weight_bytes(LARGE, torch.bfloat16) + BESIDE
    monkeypatch.setattr(weights_room, "held_memory", lambda: 200_000_000)
    monkeypatch.setattr(weights_room, "available_memory", lambda: enough - 200_000_000)
    refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe")
    monkeypatch.setattr(weights_room, "available_memory", lambda: enough - 200_000_001)
    with pytest.raises(AuditError, match=r"14\.5 GB in all, and 14\.4 GB are free"):
        refuse_no_room(LARGE, CPU, torch.bfloat16, "olmoe")
    monkeypatch.setattr(weights_room, "held_memory", lambda: 10**12)  # no more than it should
    with pytest.raises(AuditError):
        refuse_no_room(LARGE, CPU, torch.float32, "olmoe")


def test_the_program_tells_what_it_holds() -> None:
    kept = bytearray(b"x") * 100_000_000
    assert len(kept) < held_memory() < 100 * len(kept)
