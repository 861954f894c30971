"""Loading tells how far it is; memory that it loses while experts are joined is told as memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import core_model_loading as core

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.model.load import load_model
from gatekeeper.errors import AuditError, CheckpointError
from tools.shapes.config import config_of
from tools.shapes.write import write

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shapes") / "olmoe"
    write(config_of("olmoe-1b-7b", layers=2, scale=0.0625), path, most=5_000_000)
    return path


def load(path: Path, **more: Any) -> None:
    load_model(path, describe(open_checkpoint(path)), device=CPU, dtype=torch.float32, **more)


def test_every_byte_that_is_read_is_told(checkpoint: Path) -> None:
    told: list[tuple[int, int]] = []
    load(checkpoint, progress=lambda done, total: told.append((done, total)))
    size = sum(file.stat().st_size for file in checkpoint.glob("*.safetensors"))
    assert {total for _, total in told} == {size}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[0][0] < 0.1 * size
    assert 0.9 * size < told[-1][0] <= size  # the rest are headers


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:128] DefaultCPUAllocator: can't allocate memory"
        ),
        MemoryError(),
    ],
)
def test_memory_that_is_lost_while_experts_are_joined_is_told_as_memory(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tried = []

    def joined(*_args: Any, **_named: Any) -> None:
        tried.append(1)
        raise error

    monkeypatch.setattr(core.MergeModulelist, "convert", joined)
    with pytest.raises(AuditError) as caught:
        load(checkpoint)
    assert not isinstance(caught.value, CheckpointError)
    assert "olmoe: memory ran out while its weights were read: they take 0.0 GB in float32" in str(
        caught.value
    )
    assert "use --dtype bfloat16" in str(caught.value.remedy)
    assert len(tried) == 1  # the rest was not read in vain


def test_other_errors_of_joining_are_the_checkpoints(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def joined(*_args: Any, **_named: Any) -> None:
        raise ValueError("planted")

    monkeypatch.setattr(core.MergeModulelist, "convert", joined)
    with pytest.raises(CheckpointError, match="transformers cannot load it"):
        load(checkpoint)


def test_transformers_is_left_as_it_was(checkpoint: Path) -> None:
    before = core._materialize_copy, core.log_conversion_errors
    load(checkpoint)
    assert (core._materialize_copy, core.log_conversion_errors) == before
