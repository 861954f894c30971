"""Whose attention writes scores down is told by configs, as transformers runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.families import entry_of, family
from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.estimate.model_size import shape_of
from gatekeeper.estimate.roofline import Shape
from tests.engine.zoo import AUDITABLE, config
from tools.shapes.config import config_of


@pytest.mark.parametrize("model_type", AUDITABLE)
def test_families_without_fused_attention_say_so(model_type: str) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    made = MODEL_FOR_CAUSAL_LM_MAPPING[type(config(model_type))]
    assert bool(family(entry_of(model_type)).scores) == (not made._supports_sdpa)


def shape(name: str, **changes: Any) -> Shape:
    made = {**config_of(name), **changes}
    return shape_of(Checkpoint(path=Path(), revision=None, config=made, tensors={}))


def test_shapes_tell_heads_and_how_their_scores_are_written() -> None:
    assert (shape("gpt-oss-20b").heads, shape("gpt-oss-20b").scores) == (64, "own")
    assert (shape("olmoe-1b-7b").heads, shape("olmoe-1b-7b").scores) == (16, "")
    assert shape("deepseek-v2-lite").scores == "unfused"
    assert shape("deepseek-v2-lite", v_head_dim=128 + 64).scores == ""
