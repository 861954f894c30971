"""Hostile checkpoints: configs, indexes and headers, damaged as bytes and changed as values.

`inspect` and `estimate` must answer each with one line and an exit code of theirs, soon. The cases
of CI take seconds; `GATEKEEPER_FUZZ_SECONDS=600 pytest tests/fuzz/test_checkpoint.py -s` is the
long run.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..engine.tiny_checkpoint import header, listed, write
from .driver import cases, command, fuzz
from .values import Changer

PROMPTS = [
    {"id": f"p{i}", "seed_id": f"s{i}", "set": ("regular", "benign")[i % 2], "text": f"words {i}"}
    for i in range(40)
]
INDEX = "model.safetensors.index.json"

#: As families write them; every field that Gatekeeper reads is in one.
CONFIGS: dict[str, dict[str, Any]] = {
    "qwen": {
        "model_type": "qwen3_moe",
        "architectures": ["Qwen3MoeForCausalLM"],
        "num_hidden_layers": 3,
        "hidden_size": 8,
        "vocab_size": 16,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 4,
        "intermediate_size": 8,
        "moe_intermediate_size": 4,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [0],
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
        "eos_token_id": [1, 2],
        "per_layer_config": {"1": {"num_experts": 4}},
    },
    "deepseek": {
        "model_type": "deepseek_v3",
        "architectures": ["DeepseekV3ForCausalLM"],
        "num_hidden_layers": 3,
        "hidden_size": 8,
        "vocab_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "moe_intermediate_size": 4,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
        "moe_layer_freq": [0, 1, 1],
        "q_lora_rank": 4,
        "kv_lora_rank": 4,
        "qk_rope_head_dim": 2,
        "qk_nope_head_dim": 2,
        "v_head_dim": 2,
        "zero_expert_num": 0,
        "num_hash_layers": 0,
        "mlp_layer_types": ["dense", "sparse", "sparse"],
        "quantization_config": None,
    },
    "nested": {
        "model_type": "llama4",
        "architectures": ["Llama4ForConditionalGeneration"],
        "tie_word_embeddings": False,
        "text_config": {
            "model_type": "llama4_text",
            "num_hidden_layers": 3,
            "hidden_size": 8,
            "vocab_size": 16,
            "num_attention_heads": 2,
            "intermediate_size": 4,
            "intermediate_size_mlp": 8,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "interleave_moe_layer_step": 1,
            "quantization_config": None,
        },
        "vision_config": {"hidden_size": 8},
    },
}
TENSORS = listed([1, 2])
GENERATION = {"eos_token_id": [1, 2], "repetition_penalty": 1.1, "bad_words_ids": [[1]]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny checkpoint in two shards."""
    place = tmp_path / "checkpoint"
    place.mkdir()
    (place / "config.json").write_text(json.dumps(CONFIGS["qwen"]))
    (place / "generation_config.json").write_text(json.dumps(GENERATION))
    write(place / "model.safetensors", header(TENSORS))
    return place


def sharded(folder: Path) -> dict[str, Any]:
    """The same in two shards; returns the index."""
    (folder / "model.safetensors").unlink(missing_ok=True)
    names = list(TENSORS)
    halves = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for shard, some in halves.items():
        write(folder / shard, header({name: TENSORS[name] for name in some}))
    index = {"metadata": {}, "weight_map": {n: s for s, some in halves.items() for n in some}}
    (folder / INDEX).write_text(json.dumps(index))
    return index


def estimated(path: Path) -> int:
    suite = path.with_name("suite.jsonl")
    if not suite.exists():
        suite.write_text("\n".join(map(json.dumps, PROMPTS)))
    return command("estimate", path, "--suite", suite, "--device", "h100", "-k", "1").code


def run_changes(name: str, check: Callable[[random.Random], int]) -> None:
    """Gives cases to `check` until the time is over."""
    assert cases(name, lambda _, draw: check(draw)).cases


@pytest.mark.parametrize("which", sorted(CONFIGS))
def test_configs_are_estimated_or_refused(which: str, tmp_path: Path) -> None:
    def check(draw: random.Random) -> int:
        (tmp_path / "config.json").write_text(Changer(CONFIGS[which]).changed(draw))
        return estimated(tmp_path / "config.json")

    run_changes(f"estimate {which}", check)


def test_configs_beside_weights_are_inspected_or_refused(folder: Path) -> None:
    def check(draw: random.Random) -> int:
        which = draw.choice(sorted(CONFIGS))
        (folder / "config.json").write_text(Changer(CONFIGS[which]).changed(draw))
        (folder / "generation_config.json").write_text(Changer(GENERATION).changed(draw))
        return command("inspect", folder, *draw.choice(((), ("--json",)))).code

    run_changes("inspect", check)


def test_headers_are_read_or_refused(folder: Path) -> None:
    entries = {"__metadata__": {"format": "pt"}, **header(TENSORS)}
    size = max(e["data_offsets"][1] for n, e in entries.items() if n != "__metadata__")
    odd = ("model.experts.0.w", "model.layers.²", "model.layers.٣", "model.layers.007", "layers")

    def check(draw: random.Random) -> int:
        some = dict(entries)
        if draw.random() < 0.5:  # names of tensors, which carry the numbers of layers and experts
            name = draw.choice(list(some))
            part = draw.choice(name.split("."))
            other = draw.choice((*odd, "9" * 5000, "99999999", "-1", "", "experts", "router"))
            some[name.replace(part, other, 1)] = some.pop(name)
        raw = (Changer(some).changed(draw) if draw.random() < 0.7 else json.dumps(some)).encode()
        data = len(raw).to_bytes(8, "little") + raw + bytes(size)
        (folder / "model.safetensors").write_bytes(data)
        return command("inspect", folder).code

    run_changes("header", check)


def test_indexes_are_read_or_refused(folder: Path) -> None:
    index = sharded(folder)

    def check(draw: random.Random) -> int:
        (folder / INDEX).write_text(Changer(index).changed(draw))
        return command("inspect", folder).code

    run_changes("index", check)


def test_damaged_files_are_read_or_refused(folder: Path) -> None:
    files = ("config.json", "generation_config.json", "model.safetensors")
    seeds = {name: (folder / name).read_bytes() for name in files}

    def check(which: str, data: bytes) -> int:
        for name, good in seeds.items():
            (folder / name).write_bytes(data if name == which else good)
        return command("inspect", folder).code

    fuzz("checkpoint", seeds, check)
