"""Loading leaves no second copy of the weights behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import modeling_utils

from benchmarks.memory import peak
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.model.load import load_model
from gatekeeper.engine.model.one_copy import one_copy
from tools.shapes.config import config_of
from tools.shapes.write import write

_MAPS = Path("/proc/self/maps")


@pytest.mark.skipif(not _MAPS.exists(), reason="only Linux tells what is mapped")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_no_file_of_the_checkpoint_stays_mapped(tmp_path, dtype):
    path = tmp_path / "checkpoint"
    write(config_of("olmoe-1b-7b", layers=2, scale=0.0625), path, most=5_000_000)
    description = describe(open_checkpoint(path))
    loaded = load_model(path, description, device=torch.device("cpu"), dtype=dtype)
    assert "checkpoint/model-" not in _MAPS.read_text()
    assert next(loaded.model.parameters()).dtype == dtype


@pytest.mark.skipif(not _MAPS.exists(), reason="only Linux marks peaks")
def test_a_tensor_is_there_once_while_it_is_read(tmp_path):
    """80 MB, as transformers reads it; by safetensors' own slice it would be there twice."""
    save_file({"a": torch.ones(20_000_000)}, tmp_path / "a.safetensors")
    with one_copy():
        opened = modeling_utils.safe_open(tmp_path / "a.safetensors", framework="pt")
        whole = opened.get_slice("a")
        assert whole.get_shape() == [20_000_000]
        (before, _), _ = peak(lambda: None)
        (during, _), read = peak(lambda: whole[...])
    assert read.sum() == 20_000_000
    assert torch.equal(whole[3:5], torch.ones(2))
    assert 70e6 < during - before < 110e6


def test_files_are_opened_as_before_afterwards():
    before = modeling_utils.safe_open
    with pytest.raises(ValueError, match="planted"), one_copy():
        assert modeling_utils.safe_open is not before
        raise ValueError("planted")
    assert modeling_utils.safe_open is before
