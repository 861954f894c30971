"""Writes random weights tensor by tensor, sharded and indexed as published models are."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch
from tokenizers import Tokenizer

from tools.shapes.config import DEMO

#: Bytes of a shard at most, unless one tensor has more.
SHARD = 5_000_000_000
#: Elements drawn together.
_PIECE = 1 << 24
_STD = 0.02
_HEAD = "lm_head.weight"
_LAYER = re.compile(r"\.layers\.(\d+)\.")
_COPIED = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
)


def stored(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a config by the names that checkpoints store them under.

    Experts one by one where they were published so: transformers' own way back, of empty tensors.
    """
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM
    from transformers.core_model_loading import revert_weight_conversion

    settings = {key: value for key, value in config.items() if key != "model_type"}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[config["model_type"]](**settings))
    tensors = revert_weight_conversion(model, model.state_dict())
    return {name: tuple(tensors[name].shape) for name in sorted(tensors, key=_place)}


def write(config: dict[str, Any], out: Path, *, seed: int = 7, most: int = SHARD) -> None:
    """Writes a checkpoint: config, tokenizer of the demo, and random weights in bfloat16.

    Only tokens that the tokenizer knows are ever the likeliest, so that replies are text.

    Args:
        out: a folder that is not there yet.
        most: bytes of a shard.
    """
    out.mkdir(parents=True)
    for name in _COPIED:
        shutil.copyfile(DEMO / name, out / name)
    shards = list(_shards(stored(config), most))
    generator = torch.Generator().manual_seed(seed)
    known = Tokenizer.from_file(str(DEMO / "tokenizer.json")).get_vocab_size()
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        weight_map |= dict.fromkeys(shard, name)
        with (out / name).open("wb") as file:
            _write_shard(file, shard, generator, known)
    total = sum(2 * math.prod(shape) for shard in shards for shape in shard.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    _write_json(out / "model.safetensors.index.json", index)
    _write_json(out / "config.json", config)


def _place(name: str) -> tuple[int, str]:
    """Where a tensor lies in a checkpoint: in order of layers, the others before them."""
    layer = _LAYER.search(name)
    return (int(layer[1]) if layer else -1, name)


def _shards(shapes: dict[str, tuple[int, ...]], most: int) -> Iterator[dict[str, tuple[int, ...]]]:
    shard: dict[str, tuple[int, ...]] = {}
    filled = 0
    for name, shape in shapes.items():
        size = 2 * math.prod(shape)
        if shard and filled + size > most:
            yield shard
            shard, filled = {}, 0
        shard[name] = shape
        filled += size
    yield shard


def _write_shard(
    file: BinaryIO, shapes: dict[str, tuple[int, ...]], generator: torch.Generator, known: int
) -> None:
    """Writes header and tensors; rows of the output head beyond the known tokens are zero."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [start, end]}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    file.write(len(raw).to_bytes(8, "little") + raw)
    for name, shape in shapes.items():
        for start in range(0, size := math.prod(shape), _PIECE):
            piece = _drawn(name, min(_PIECE, size - start), generator)
            if name == _HEAD:
                piece[max(0, known * shape[1] - start) :] = 0
            file.write(piece.view(torch.uint8).numpy().data)


def _drawn(name: str, size: int, generator: torch.Generator) -> torch.Tensor:
    """Norms of 1, biases of 0, and normal numbers for all else."""
    if name.endswith("bias"):
        return torch.zeros(size, dtype=torch.bfloat16)
    if "norm" in name:
        return torch.ones(size, dtype=torch.bfloat16)
    drawn = torch.empty(size, dtype=torch.float32).normal_(0.0, _STD, generator=generator)
    return drawn.to(torch.bfloat16)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
