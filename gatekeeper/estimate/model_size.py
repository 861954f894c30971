"""The sizes of a model that its cost hangs on, from its config alone; torch is not needed.

Counts leave out norms and biases, which are thousandths. Where the weights are there too, their
headers say which layers are mixtures, and the count is held against them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from gatekeeper.checkpoint.json_files import CONFIG, read_json
from gatekeeper.checkpoint.moe_config import EXPERTS, SHARED, MoeConfig
from gatekeeper.checkpoint.open import MXFP4, Checkpoint, quantisation
from gatekeeper.checkpoint.tensor_layout import NUMBER
from gatekeeper.errors import CheckpointError, UsageError, excerpt
from gatekeeper.estimate.roofline import Shape
from gatekeeper.records.model import ModelDescription

_LAYERS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
_HIDDEN = ("hidden_size", "d_model", "n_embd")
_HEADS = ("num_attention_heads", "n_heads")
_KV_HEADS = ("num_key_value_heads", "kv_n_heads")
#: Width of a routed expert, of a dense MLP, and of the shared experts together.
_EXPERT_WIDTH = ("moe_intermediate_size", "ffn_hidden_size", "intermediate_size")
_DENSE_WIDTH = ("intermediate_size_mlp", "intermediate_size")
_SHARED_WIDTH = ("shared_expert_intermediate_size", "shared_intermediate_size")
#: Every so many layers is a mixture.
_STEP = (
    "decoder_sparse_step",
    "moe_layer_freq",
    "moe_layer_interval",
    "interleave_moe_layer_step",
)
#: The first layer that is one.
_FIRST = ("first_k_dense_replace", "moe_layer_start_index")

#: A matrix of one expert, and its name.
_SINGLE = re.compile(rf"\.experts\.{NUMBER}\.(\w+)\.weight$")

#: Gated MLPs have three matrices: gate, up and down.
_MATRICES = 3


def config_only(path: Path) -> Checkpoint:
    """A config.json, or the directory it is in, as a checkpoint without weights.

    Raises:
        UsageError: there is none.
        CheckpointError: it cannot be read.
    """
    file = path / CONFIG if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            f"no {CONFIG} there",
            where=excerpt(path),
            remedy="give a checkpoint's directory, or its config.json: weights are not needed",
        )
    return Checkpoint(path=file.parent, revision=None, config=read_json(file), tensors={})


def shape_of(checkpoint: Checkpoint, description: ModelDescription | None = None) -> Shape:
    """Sizes by the config.

    Args:
        description: what config and headers say, where there are weights.

    Raises:
        CheckpointError: the config does not tell a size, or the model is dense.
    """
    config = MoeConfig(checkpoint)
    layers = _needed(checkpoint, config, *_LAYERS)
    hidden = _needed(checkpoint, config, *_HIDDEN)
    vocabulary = _needed(checkpoint, config, "vocab_size")
    moe = (
        {site.layer: (site.experts, site.top_k) for site in description.sites}
        if description
        else _mixtures(config, layers)
    )
    if not moe:
        raise CheckpointError(
            "names no experts: a dense model has nothing to audit",
            where=excerpt(checkpoint.path / CONFIG),
            remedy="give the config of a mixture of experts",
        )
    attention, cached, attended, expanded = _attention(checkpoint, config, hidden)
    expert = _MATRICES * hidden * _needed(checkpoint, config, *_EXPERT_WIDTH)
    shared = sum(_shared(config, layer, hidden, expert) for layer in moe)
    routers = sum(hidden * experts for experts, _ in moe.values())
    plain = 0
    if len(moe) < layers:
        plain = _MATRICES * hidden * _needed(checkpoint, config, *_DENSE_WIDTH)
    return Shape(
        layers=layers,
        dense=layers * attention + routers + shared + (layers - len(moe)) * plain,
        head=vocabulary * hidden,
        embedding=0 if config.tied else vocabulary * hidden,
        expert=expert,
        moe=tuple(moe[layer] for layer in sorted(moe)),
        cached=layers * cached,
        attended=layers * attended,
        vocabulary=vocabulary,
        expanded=layers * expanded,
        stored=len(checkpoint.tensors),
        joined=_joined(checkpoint),
        heads=_needed(checkpoint, config, *_HEADS),
        scores=_scores(config),
    )


def _joined(checkpoint: Checkpoint) -> float:
    """Share of a layer's experts that is there twice while transformers joins gates and ups.

    Each third is read and stacked; then gates and ups are copied into one tensor, which is two
    thirds more than there is in the end. They come in the order of their names: with w1, w2, w3 the
    last third is not read yet; `down_proj` is read before. Where all
    experts are stored as one tensor, gates and ups are there twice while they are read.
    """
    single = [match[1] for name in checkpoint.tensors if (match := _SINGLE.search(name))]
    return 1 / 3 if single and not min(single).startswith("down") else 2 / 3


def _mixtures(config: MoeConfig, layers: int) -> dict[int, tuple[int, int]]:
    """(experts, top-k) of each layer that the config makes a mixture."""
    dense = config.layers_named("mlp_only_layers")
    first = config.natural(*_FIRST) or 0
    every = config.first(*_STEP)
    marks = every if isinstance(every, list) else None  # a mark for each layer
    step = 1 if marks is not None else config.natural(*_STEP) or 1
    mixtures = {}
    for layer in range(first, layers):
        experts = next(iter(config.integers(EXPERTS, layer)), 0)
        if marks is not None and not (layer < len(marks) and marks[layer]):
            continue
        # Qwen counts layers from 1; DeepSeek, whose step is 1 in all that is published, from 0.
        if experts and layer not in dense and (layer + 1) % step == 0:
            mixtures[layer] = (experts, config.top_k(layer, experts))
    return mixtures


def _attention(checkpoint: Checkpoint, config: MoeConfig, hidden: int) -> tuple[int, int, int, int]:
    """Of one layer: parameters, cached elements per token, multiply-adds per pair of tokens, and
    those per cached token that is expanded again.
    """
    heads = _needed(checkpoint, config, *_HEADS)
    latent = config.natural("kv_lora_rank")
    if latent is None:
        width = config.natural("head_dim") or hidden // heads
        if not width:
            _refuse(checkpoint, ("head_dim",))
        pairs = config.natural(*_KV_HEADS) or heads
        parameters = 2 * hidden * width * (heads + pairs)
        return parameters, 2 * pairs * width, 2 * heads * width, 0
    # Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): the cache keeps one
    # latent and one rotary key per token.
    plain = _needed(checkpoint, config, "qk_nope_head_dim")
    rotary = _needed(checkpoint, config, "qk_rope_head_dim")
    value = _needed(checkpoint, config, "v_head_dim")
    low = config.natural("q_lora_rank")
    query = heads * (plain + rotary)
    parameters = hidden * query if low is None else low * (hidden + query)
    expanded = latent * heads * (plain + value)
    parameters += hidden * (latent + rotary) + expanded + heads * value * hidden
    return parameters, latent + rotary, heads * (plain + rotary + value), expanded


def _scores(config: MoeConfig) -> str:
    """Where attention writes every score down: see `Shape.scores`.

    Torch's fused attention for processors takes keys and values of one width only, which those of
    multi-head latent attention seldom are.
    """
    if written := next((f.scores for f in config.families if f.scores), ""):
        return written
    plain, rotary, value = (config.natural(f"{n}_head_dim") for n in ("qk_nope", "qk_rope", "v"))
    latent = config.natural("kv_lora_rank") is not None
    return "unfused" if latent and (plain or 0) + (rotary or 0) != value else ""


def _shared(config: MoeConfig, layer: int, hidden: int, expert: int) -> int:
    """Parameters of the shared experts of a mixture."""
    width = config.natural(*_SHARED_WIDTH)
    if width is not None:
        return _MATRICES * hidden * width
    return expert * sum(config.integers(SHARED, layer)[:1])


def stored_bytes(checkpoint: Checkpoint) -> float:
    """Bytes per weight as an audit keeps it on a GPU: fp8 as stored, MXFP4 unpacked, else 16 bits.

    Raises:
        CheckpointError: quantised in a way that audits refuse.
    """
    method = quantisation(checkpoint.config)
    if method == "fp8":
        return 1.0
    if method in {None, MXFP4}:
        return 2.0
    raise CheckpointError(
        f"is quantised with {excerpt(method or 'a method it does not name')}, "
        "whose experts cannot be hooked",
        where=excerpt(checkpoint.path / CONFIG),
        remedy="give the config of the model in bfloat16",
    )


def _needed(checkpoint: Checkpoint, config: MoeConfig, *names: str) -> int:
    value = config.natural(*names)
    return _refuse(checkpoint, names) if value is None else value


def _refuse(checkpoint: Checkpoint, names: tuple[str, ...]) -> NoReturn:
    raise CheckpointError(
        f"does not tell {names[0]}, on which the cost hangs",
        where=excerpt(checkpoint.path / CONFIG),
        remedy="give the config.json that was published with the weights",
    )
