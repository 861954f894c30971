"""A tiny random model of every MoE architecture that the pinned transformers knows.

One set of sizes for all; each config takes what it has a name for. `EXTRA` holds what a family
needs beyond that, and why it is there can be read off the error without it. Weights are drawn
again after building: some families start with zeros or with routers so flat that routing would be
a toss-up.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import torch

VOCABULARY = 128

#: Sizes under every name that a family may give them.
_CORE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "moe_intermediate_size": 24,
    "shared_expert_intermediate_size": 24,
    "expert_ffn_hidden_size": 24,
    "num_experts_per_tok": 2,
    "num_experts_per_token": 2,
    "moe_topk": 2,
    "moe_k": 2,
    "top_k_experts": 2,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    # Linear attention: the defaults would make up nine tenths of the parameters.
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}

#: Names of E.
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")

#: Classes by which a mixture gives itself away.
_ROUTED = re.compile(
    r"^class \w*(?:Experts|CDMoE|ExpertsModuleList|Top[12]Router)\w*\(", re.MULTILINE
)

#: Two-axis tensors of experts and routers.
_SPREAD = re.compile(r"gate|router|experts")

#: One family per way of scoring, for the tests that always run.
SCORING = (
    "mixtral",  # softmax, top-k, renormalise
    "qwen2_moe",  # softmax, top-k; shared expert with a gate
    "granitemoe",  # top-k on logits, then softmax
    "gpt_oss",  # the same with biases and other argument names
    "jamba",  # no renormalisation; state-space layers between
    "gemma4_text",  # router and experts on the decoder layer, scale per expert
    "deepseek_v3",  # sigmoid, correction bias, groups
    "minimax_m2",  # bias without groups
    "ernie4_5_moe",  # bias, clamped renormalisation
    "phimoe",  # sparsemixer: maxima, no top-k
    "inkling_text",  # shared experts among the columns
    "longcat_flash",  # identity experts among the columns
    "zaya",  # may skip
    "deepseek_v4",  # hash layers; square root of softplus
    "dbrx",
    "llama4_text",
    "jetmoe",
)

_MLA = {"num_key_value_heads": 4, "head_dim": 8}
_QSA = {
    "indexer_budget": 16,
    "indexer_compress_ratio": 4,
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 16,
}
_DOTS3 = {
    "num_key_value_heads": 4,
    "swa_num_attention_heads": 4,
    "swa_num_key_value_heads": 4,
    "swa_q_lora_rank": 16,
    "swa_kv_lora_rank": 16,
    "swa_head_dim": 16,
    "swa_qk_nope_head_dim": 8,
    "swa_v_head_dim": 8,
    "index_n_heads": 2,
    "index_head_dim": 16,
    "index_topk": 64,
    "shared_experts_intermediate_size": 24,
}
_HYBRID = {"layer_types": ["linear_attention", "full_attention"] * 2}

EXTRA: dict[str, dict[str, Any]] = {
    "axk1": _MLA,
    "axk2": _MLA,
    "deepseek_v2": _MLA,
    "deepseek_v3": _MLA,
    "deepseek_v32": _MLA,
    "glm_moe_dsa": _MLA,
    "glm4_moe_lite": _MLA,
    "longcat_flash": _MLA | {"num_layers": 4, "zero_expert_num": 2},
    "deepseek_v4": {"mlp_layer_types": ["hash_moe", "moe", "moe", "moe"]},
    "dots1": {"n_shared_experts": 1},
    "zaya": {"num_experts_per_tok": 1},
    "gemma4": {"enable_moe_block": True, "hidden_size_per_layer_input": 0},
    "gemma4_text": {"enable_moe_block": True, "hidden_size_per_layer_input": 0},
    "bailing_hybrid": _MLA | _HYBRID,
    "kimi_linear": _MLA | _HYBRID,
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "minimax": {"layer_types": ["full_attention", "linear_attention"] * 2},
    "granitemoehybrid": {
        "layer_types": ["mamba", "attention"] * 2,
        "mamba_n_heads": 4,
        "position_embedding_type": "rope",
    },
    "nemotron_h": {"layers_block_type": ["mamba", "moe", "attention", "moe"]},
    "jamba": {"use_mamba_kernels": False, "attn_layer_period": 2, "attn_layer_offset": 1},
    "dots3_note": _DOTS3,
    "dots3_note_text": _DOTS3,
    "qwen4_exp": _QSA,
    "qwen4_exp_text": _QSA,
    "dbrx": {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 4,
        "max_seq_len": 64,
        "ffn_config": {"moe_top_k": 2, "ffn_hidden_size": 24},
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0},
    },
}


#: Settings beside the text config, where a model is more than text.
_COMPOSITE: dict[str, dict[str, Any]] = {
    "dots3_note": {
        "vision_config": {"adapter_out_dim": 32},
        "audio_config": {"adapter_out_dim": 32},
    },
}


def _accepted(config: Any, names: dict[str, Any]) -> dict[str, Any]:
    taken = {}
    for name, value in names.items():
        try:
            known = hasattr(config, name)
        except Exception:
            known = True
        if known:
            taken[name] = value
    return taken


def config(model_type: str, experts: int = 8, **changes: Any) -> Any:
    """The tiny config of a model type; `changes` win."""
    from transformers import CONFIG_MAPPING

    default = CONFIG_MAPPING[model_type]()
    text = default.get_text_config()
    settings = _accepted(text, _CORE | dict.fromkeys(_EXPERTS, experts))
    settings |= EXTRA.get(model_type, {}) | changes
    if model_type == "dbrx":
        settings["ffn_config"] = settings["ffn_config"] | {"moe_num_experts": experts}
    if text is default:
        return CONFIG_MAPPING[model_type](**settings)
    return CONFIG_MAPPING[model_type](text_config=settings, **_COMPOSITE.get(model_type, {}))


def build(model_type: str, seed: int = 0, experts: int = 8, **changes: Any) -> Any:
    """A random model, ready for inference.

    Raises:
        ValueError: the sizes above did not reach the config and the model would be large.
    """
    from transformers import AutoModelForCausalLM

    made = config(model_type, experts, **changes)
    with torch.device("meta"):
        size = sum(p.numel() for p in AutoModelForCausalLM.from_config(made).parameters())
    if size > 4_000_000:
        raise ValueError(f"{model_type} would have {size} parameters: give it smaller sizes")
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(made).eval().requires_grad_(False)
    _spread(model, seed)
    return model


def _spread(model: Any, seed: int) -> None:
    """Draws experts and routers anew, so that experts differ and routing is no toss-up."""
    generator = torch.Generator().manual_seed(seed + 1)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if "tid2eid" in name:
            drawn = torch.rand(tensor.shape[0], 8, generator=generator).argsort(dim=1)
            tensor.copy_(drawn[:, : tensor.shape[1]])
        elif not tensor.is_floating_point():
            continue
        elif "correction_bias" in name or "expert_bias" in name or "balancing_biases" in name:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.2)
        elif tensor.dim() == 3 or (tensor.dim() == 2 and _SPREAD.search(name)):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)


@cache
def mixtures() -> tuple[str, ...]:
    """Every model type of the pinned transformers whose code has routed experts.

    Read off the code, so that nobody has to remember to add a new one.
    """
    import transformers
    from transformers.models.auto.configuration_auto import (
        CONFIG_MAPPING_NAMES,
        model_type_to_module_name,
    )

    models = Path(transformers.__file__).parent / "models"
    found = []
    for model_type in CONFIG_MAPPING_NAMES:
        folder = models / model_type_to_module_name(model_type)
        code = "".join(f.read_text(encoding="utf-8") for f in folder.glob("modeling_*.py"))
        if _ROUTED.search(code):
            found.append(model_type)
    return tuple(sorted(found))


def has_causal_lm(model_type: str) -> bool:
    """Whether AutoModelForCausalLM loads this type."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES


#: Every MoE causal language model that can be audited.
AUDITABLE = (
    "afmoe",
    "aria_text",
    "axk1",
    "axk2",
    "bailing_hybrid",
    "beam",
    "cohere2_moe",
    "dbrx",
    "deepseek_v2",
    "deepseek_v3",
    "deepseek_v32",
    "deepseek_v4",
    "dots1",
    "dots3_note",
    "dots3_note_text",
    "ernie4_5_moe",
    "exaone_moe",
    "flex_olmo",
    "flint",
    "gemma4",
    "gemma4_text",
    "glm4_moe",
    "glm4_moe_lite",
    "glm_moe_dsa",
    "gpt_oss",
    "granitemoe",
    "granitemoe_swa",
    "granitemoehybrid",
    "granitemoeshared",
    "hunyuan_v1_moe",
    "hy_v3",
    "hy_v4",
    "inkling2_text",
    "inkling_text",
    "jamba",
    "jetmoe",
    "kimi_linear",
    "kolibri1",
    "laguna",
    "lfm2_moe",
    "llama4",
    "llama4_text",
    "longcat_flash",
    "mellum",
    "mimo_v2_flash",
    "minimax",
    "minimax_m2",
    "minimax_m3_vl_text",
    "mixtral",
    "nemotron_h",
    "olmoe",
    "phimoe",
    "qwen2_moe",
    "qwen3_5_moe",
    "qwen3_5_moe_text",
    "qwen3_moe",
    "qwen3_next",
    "qwen4_exp",
    "qwen4_exp_text",
    "solar_open",
    "zaya",
)
