"""Settings that llama.cpp has constants for are told where they say otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.llama_cpp import taken_by_llama_cpp
from gatekeeper.checkpoint.open import open_checkpoint
from tests.engine.tiny_checkpoint import folder

PUBLISHED = sorted((Path(__file__).parents[2] / "benchmarks" / "configs").glob("*.json"))


@pytest.mark.parametrize(
    ("model_type", "said", "told"),
    [
        ("qwen3_moe", {"norm_topk_prob": False}, True),
        ("qwen3_moe", {}, True),  # transformers leaves it out, llama.cpp does not
        ("qwen3_moe", {"norm_topk_prob": True}, False),
        ("qwen3_next", {}, False),
        ("qwen3_next", {"norm_topk_prob": False}, True),
        ("qwen2_moe", {}, False),
        ("qwen2_moe", {"norm_topk_prob": True}, True),
        ("olmoe", {"norm_topk_prob": False}, False),
        ("olmoe", {"norm_topk_prob": True}, True),
        ("deepseek_v3", {"norm_topk_prob": False}, False),  # it keeps that one
        ("unheard_of", {"norm_topk_prob": True}, False),
    ],
)
@pytest.mark.parametrize("nest", [False, True])
def test_weights_that_sum_to_one_there_or_never(
    model_type: str, said: dict[str, Any], told: bool, nest: bool
) -> None:
    config = {"model_type": model_type, **said}
    whole = {"model_type": "whole", "text_config": config} if nest else config
    lines = list(taken_by_llama_cpp(whole))
    assert ["norm_topk_prob" in line for line in lines] == [True] * told


@pytest.mark.parametrize("model_type", ["mixtral", "qwen2_moe", "deepseek_v3", "glm4_moe"])
def test_another_activation(model_type: str) -> None:
    (line,) = taken_by_llama_cpp({"model_type": model_type, "hidden_act": "gelu"})
    assert "llama.cpp takes silu" in line
    for harmless in ({}, {"hidden_act": "silu"}, {"hidden_act": None}):
        assert not list(taken_by_llama_cpp({"model_type": model_type, **harmless}))
    assert not list(taken_by_llama_cpp({"model_type": "gpt_oss", "hidden_act": "gelu"}))


def test_it_is_among_the_cautions_of_a_checkpoint(tmp_path: Path) -> None:
    config = {"model_type": "mixtral", "num_hidden_layers": 1, "hidden_act": "relu"}
    (caution,) = open_checkpoint(folder(tmp_path, config)).cautions
    assert caution.startswith("not audited: hidden_act of config.json ('relu')")


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published_configs_are_silent(path: Path) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    if config["model_type"] == "qwen3_moe":
        config["norm_topk_prob"] = True  # as published; the copy here holds sizes alone
    assert not list(taken_by_llama_cpp(config))
