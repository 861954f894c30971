"""Settings that a family's code in transformers does not read and other loaders may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.engine.model.unread_settings import unread_settings
from tests.engine import zoo

#: What DeepSeek-V3, Qwen3-Coder, MiniMax-M2, GLM-5 and gpt-oss are published with and transformers
#: does not read.
PUBLISHED: dict[str, dict[str, Any]] = {
    "deepseek_v3": {
        **{"ep_size": 1, "moe_layer_freq": 1, "num_nextn_predict_layers": 1, "seq_aux": True},
        **{"scoring_func": "sigmoid", "topk_method": "noaux_tc", "aux_loss_alpha": 0.001},
    },
    "deepseek_v2": {"scoring_func": "softmax", "norm_topk_prob": False, "moe_layer_freq": 1},
    "qwen3_moe": {
        **{"max_window_layers": 62, "use_qk_norm": True, "shared_expert_intermediate_size": 0},
        **{"qkv_bias": False, "unsloth_fixed": True, "unsloth_version": "2026.1"},
    },
    "minimax_m2": {
        **{"use_qk_norm": True, "qk_norm_type": "per_layer", "use_routing_bias": True},
        **{"use_mtp": True, "num_mtp_modules": 3, "attn_type_list": [1, 1, 1, 1]},
        **{"shared_intermediate_size": 0, "scoring_func": "sigmoid"},
    },
    "glm_moe_dsa": {
        **{"indexer_rope_interleave": True, "rope_interleave": True, "pretraining_tp": 1},
        **{"moe_router_dtype": "float32", "topk_method": "noaux_tc"},
    },
    "gpt_oss": {"experts_per_token": 2, "initial_context_length": 4096},
    "nemotron_h": {"norm_eps": 1e-5},
    "mixtral": {"sliding_window": None, "is_causal": True, "norm_topk_prob": True},
}


def told(config: dict[str, Any]) -> tuple[str, ...]:
    return unread_settings(
        Checkpoint(path=Path("candidate"), revision=None, config=config, tensors={})
    )


def saved(model_type: str, *, short: bool = True) -> dict[str, Any]:
    """A config as transformers writes it: what is not as usual, or all of it."""
    written: dict[str, Any] = json.loads(zoo.config(model_type).to_json_string(use_diff=short))
    return written


@pytest.mark.parametrize("model_type", zoo.AUDITABLE)
def test_what_transformers_writes_itself_is_no_matter(model_type: str) -> None:
    assert told(saved(model_type)) == ()
    assert told(saved(model_type, short=False)) == ()


@pytest.mark.parametrize("model_type", PUBLISHED)
def test_what_models_are_published_with_is_no_matter(model_type: str) -> None:
    assert told(saved(model_type) | PUBLISHED[model_type]) == ()


@pytest.mark.parametrize(
    ("model_type", "name", "value"),
    [
        ("qwen3_moe", "is_causal", False),
        ("qwen3_moe", "is_causal", 0),
        ("qwen3_moe", "is_causal", None),
        ("qwen3_moe", "logit_scale", 0.0625),
        ("mixtral", "final_logit_softcapping", 30.0),
        ("olmoe", "attn_logit_softcapping", 50.0),
        ("deepseek_v3", "sliding_window", 16),
        ("qwen3_moe", "scale_emb", 12),
        ("mixtral", "residual_multiplier", 0.22),
        ("qwen3_moe", "routed_scaling_factor", 2.5),
        ("qwen3_moe", "n_group", 8),
        ("mixtral", "norm_topk_prob", False),
        ("jamba", "norm_topk_prob", True),
        ("deepseek_v2", "norm_topk_prob", True),  # its config knows it, its model does not
        ("deepseek_v3", "scoring_func", "softmax"),
        ("deepseek_v3", "topk_method", "greedy"),
        ("qwen3_moe", "use_qk_norm", False),
        ("qwen3_moe", "top_k", 1),
        ("mixtral", "num_active_experts", 1),
        ("qwen3_moe", "rms_norm_epsilon", 0.1),
        ("qwen3_moe", "made_up_by_nobody_yet", "on"),
    ],
)
def test_what_another_loader_may_read_is_told_by_name(
    model_type: str, name: str, value: object
) -> None:
    (line,) = told(saved(model_type) | {name: value})
    assert f"not audited: {name} of config.json" in line
    assert model_type in line


def test_layers_of_a_window_count_where_the_window_does() -> None:
    config = saved("qwen3_moe") | {"max_window_layers": 2}
    assert told(config) == ()
    (line,) = told(config | {"use_sliding_window": True})
    assert "max_window_layers" in line


PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
HALF = {**PLAIN, "partial_rotary_factor": 0.5}


@pytest.mark.parametrize(
    ("model_type", "setting", "names"),
    [
        ("qwen3_moe", {"rope_parameters": HALF}, ["rope_parameters.partial_rotary_factor"]),
        ("mixtral", {"rope_scaling": HALF}, ["rope_scaling.partial_rotary_factor"]),
        (
            "gpt_oss",
            {"rope_parameters": {"full_attention": HALF, "sliding_attention": HALF}},
            ["rope_parameters.partial_rotary_factor"],
        ),
        ("qwen3_moe", {"partial_rotary_factor": 0.5}, ["partial_rotary_factor"]),
        ("olmoe", {"rope_parameters": PLAIN, "rotary_pct": 0.25}, ["rotary_pct"]),
        ("qwen3_moe", {"rope_parameters": {**HALF, "partial_rotary_factor": 1.0}}, []),
        # Scaled positions are turned by code that all families share.
        ("qwen3_moe", {"rope_parameters": {**HALF, "rope_type": "yarn", "factor": 4.0}}, []),
        ("glm4_moe", {"rope_parameters": HALF}, []),
        ("qwen3_next", {"partial_rotary_factor": 0.25}, []),
    ],
)
def test_a_part_of_each_head_that_the_family_does_not_know_of(
    model_type: str, setting: dict[str, Any], names: list[str]
) -> None:
    config = saved(model_type)
    for name in ("rope_parameters", "rope_scaling", "partial_rotary_factor"):
        config.pop(name, None)
    lines = told(config | setting)
    assert len(lines) == len(names[:1])
    for name in names:
        assert f"not audited: {name} of config.json, which transformers does not read" in lines[0]


def test_settings_of_the_text_model_beside_its_config() -> None:
    config = saved("qwen3_5_moe")
    same = config["text_config"]["num_hidden_layers"]
    assert told(config | {"num_hidden_layers": same}) == ()
    (line,) = told(config | {"num_hidden_layers": same + 1})
    assert line.startswith("not audited: num_hidden_layers of config.json")
    config["text_config"]["is_causal"] = False
    (line,) = told(config)
    assert "text_config.is_causal" in line


def test_settings_of_a_part_of_the_text_model() -> None:
    config = saved("dbrx")
    config["ffn_config"]["moe_router_scale"] = 3
    (line,) = told(config)
    assert "ffn_config.moe_router_scale" in line


def test_many_are_one_line() -> None:
    (line,) = told(saved("mixtral") | {f"strange_{n}": "x" for n in range(40)})
    assert "and 35 more" in line
    assert len(line) < 400
