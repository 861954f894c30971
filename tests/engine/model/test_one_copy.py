"""Loading leaves no second copy of the weights behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import modeling_utils

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


def test_files_are_opened_as_before_afterwards():
    before = modeling_utils.safe_open
    with pytest.raises(ValueError, match="planted"), one_copy():
        assert modeling_utils.safe_open is not before
        raise ValueError("planted")
    assert modeling_utils.safe_open is before
