"""Refuses an output head that config and weights disagree about.

Where the config ties the head to the embedding and the weights hold another head all the same,
some loaders take the embedding (vLLM, earlier transformers, llama.cpp by the family) and others
what is stored: two models in one folder.
"""

from __future__ import annotations

from pathlib import Path

from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.checkpoint.moe_config import MoeConfig
from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.checkpoint.safetensors_header import find_tensor
from gatekeeper.checkpoint.tensor_layout import APART, EMBEDDING, HEAD, layer_of
from gatekeeper.errors import CheckpointError, excerpt

_CHUNK = 1 << 22  # bytes compared at a time


def refuse_two_heads(checkpoint: Checkpoint) -> None:
    """Refuses a tied model of which another head is stored.

    Reads both matrices up to the first difference.

    Raises:
        CheckpointError: names both.
    """
    if not MoeConfig(checkpoint).says_tied:
        return
    # Layers for multi-token prediction and towers have heads and embeddings of their own.
    names = [n for n in checkpoint.tensors if layer_of(n) is None and not APART.search(n)]
    heads = [name for name in names if HEAD.search(name)]
    embeddings = [name for name in names if EMBEDDING.search(name)]
    for head in heads:
        if embeddings and not any(_alike(checkpoint, head, name) for name in embeddings):
            raise CheckpointError(
                f"ties the output head to the embedding, but {excerpt(head)} is stored and is not "
                f"{excerpt(embeddings[0])}: some loaders take the one, some the other",
                where=excerpt(checkpoint.path / CONFIG),
                remedy="set tie_word_embeddings to false, or remove the tensor",
            )


def _alike(checkpoint: Checkpoint, one: str, other: str) -> bool:
    if checkpoint.tensors[one] != checkpoint.tensors[other]:
        return False
    return _same_bytes(find_tensor(checkpoint.path, one), find_tensor(checkpoint.path, other))


def _same_bytes(one: tuple[Path, int, int], other: tuple[Path, int, int]) -> bool:
    with one[0].open("rb") as first, other[0].open("rb") as second:
        first.seek(one[1])
        second.seek(other[1])
        remaining = one[2]
        while remaining:
            size = min(remaining, _CHUNK)
            if first.read(size) != second.read(size):
                return False
            remaining -= size
    return True
