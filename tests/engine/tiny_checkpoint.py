"""Tiny random checkpoints of real families, and safetensors files built byte by byte."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from gatekeeper.checkpoint.safetensors_header import DTYPE_BITS

CORE = {
    "vocab_size": 128,
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
}

#: Settings beyond `CORE`, per model type. All have 8 experts of which 2 work on a token.
FAMILIES: dict[str, dict[str, Any]] = {
    "mixtral": {"num_local_experts": 8, "num_experts_per_tok": 2},
    "qwen2_moe": {
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 24,
        "shared_expert_intermediate_size": 40,
        "mlp_only_layers": [0, 2],
    },
    "qwen3_moe": {
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 24,
        "tie_word_embeddings": True,
    },
    "olmoe": {"num_experts": 8, "num_experts_per_tok": 2},
    "deepseek_v3": {
        "num_key_value_heads": 4,
        "head_dim": 8,
        "n_routed_experts": 8,
        "num_experts_per_tok": 2,
        "n_shared_experts": 2,
        "moe_intermediate_size": 24,
        "n_group": 2,
        "topk_group": 1,
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
        "first_k_dense_replace": 1,
    },
    "granitemoe": {"num_local_experts": 8, "num_experts_per_tok": 2},
    "gpt_oss": {"num_local_experts": 8, "num_experts_per_tok": 2},
    "ernie4_5_moe": {"moe_num_experts": 8, "moe_k": 2, "moe_intermediate_size": 24},
    "llama": {},
}


def model(model_type: str, **changes: Any) -> Any:
    """A randomly initialised model of a family, in float32."""
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    settings = CORE | FAMILIES[model_type] | changes
    return AutoModelForCausalLM.from_config(CONFIG_MAPPING[model_type](**settings))


def header(tensors: dict[str, tuple[str, list[int]]]) -> dict[str, Any]:
    """A well-formed safetensors header for tensors given as name -> (dtype, shape)."""
    entries: dict[str, Any] = {}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + math.prod(shape) * DTYPE_BITS[dtype] // 8
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    return entries


def write(path: Path, entries: dict[str, Any], *, data: int | None = None) -> Path:
    """A safetensors file with this header and `data` zero bytes (as many as promised if None)."""
    raw = json.dumps(entries).encode()
    spans = [e["data_offsets"][1] for k, e in entries.items() if k != "__metadata__"]
    size = max(spans, default=0) if data is None else data
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(size))
    return path


def folder(
    path: Path, config: dict[str, Any], tensors: dict[str, tuple[str, list[int]]] | None = None
) -> Path:
    """A checkpoint directory with a config and one file of zero weights."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write(path / "model.safetensors", header(tensors or {"w": ("F32", [2])}))
    return path


def listed(
    layers: list[int], experts: int = 4, *, hidden: int = 8, router: int | None = None
) -> dict[str, tuple[str, list[int]]]:
    """Tensors of MoE layers with one module per expert, and a router."""
    tensors = {"model.embed_tokens.weight": ("F32", [16, hidden])}
    for layer in layers:
        block = f"model.layers.{layer}.mlp"
        tensors[f"{block}.gate.weight"] = ("F32", [router or experts, hidden])
        for e in range(experts):
            tensors[f"{block}.experts.{e}.up_proj.weight"] = ("F32", [4, hidden])
            tensors[f"{block}.experts.{e}.down_proj.weight"] = ("F32", [hidden, 4])
    return tensors
