"""Describes a model's experts, layer by layer, from config and headers: no weight is read.

MoE or not is decided by the weights' names and shapes, never by the config alone: configs keep
numbers of experts for models that have none. Where the two contradict each other, nobody can say
what was audited, and the checkpoint is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NoReturn

from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.checkpoint.moe_config import EXPERTS, MoeConfig
from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.checkpoint.safetensors_header import TensorInfo
from gatekeeper.checkpoint.tensor_layout import (
    Block,
    blocks,
    layer_of,
    layer_prefix,
    parameters_of,
    unknown,
)
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.records.model import ModelDescription, MoeSite

_ROUTER = re.compile(r"(?:experts\.)?(?:gate|router)\.(?:[\w.]+\.)?weight")
_SHARED = re.compile(r"\.shared_(?:experts?|mlp)\.")
_LOOKS_ROUTED = re.compile(r"(?:^|[._])(?:experts?|router)(?:[._]|$)")
#: Rows are token ids, columns the experts that work on them.
_TABLE = "tid2eid"

_DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64", "F4": "mxfp4"}


def describe(checkpoint: Checkpoint) -> ModelDescription:
    """Describes the model, from config and headers.

    `sites` is empty for a dense model. Their `path` is the block's name in the weights, which for
    some families is not its name in the loaded model: match by `layer`. Layers for multi-token
    prediction, which transformers does not load, count nowhere.

    Raises:
        CheckpointError: config and weights disagree, or experts are laid out in an unknown way.
    """
    config = MoeConfig(checkpoint)
    layers = config.natural("num_hidden_layers", "n_layers", "n_layer", "num_layers")
    tensors = parameters_of(checkpoint.tensors, config, layers)
    mixtures = blocks(tensors, config)
    _refuse_odd_places(checkpoint, mixtures)
    by = _by_layer(checkpoint.tensors)
    sites = tuple(
        _site(checkpoint, config, b, by[layer_prefix(b.path)]) for b in mixtures if not b.attention
    )
    _check_sites(checkpoint, sites, tensors, unknown(tensors, config))
    parameters = sum(info.elements for info in tensors.values())
    idle = sum(b.idle(config.top_k(b.layer or 0, b.experts)) for b in mixtures)
    architectures = checkpoint.config.get("architectures") or ["unknown"]
    return ModelDescription(
        model_type=checkpoint.config["model_type"],
        architecture=str(architectures[0]),
        dtype=_dtype(tensors.values()),
        layers=layers or 1 + max((layer_of(name) or 0 for name in tensors), default=-1),
        sites=sites,
        parameters=parameters,
        active_parameters=parameters - idle,
        context_length=config.natural("max_position_embeddings", "max_seq_len", "n_positions"),
    )


def _by_layer(tensors: Mapping[str, TensorInfo]) -> dict[str, dict[str, TensorInfo]]:
    """Tensors by the part of their name up to the decoder layer; large models have 10^5 of them."""
    groups: dict[str, dict[str, TensorInfo]] = {}
    for name, info in tensors.items():
        groups.setdefault(layer_prefix(name), {})[name] = info
    return groups


def _refuse_odd_places(checkpoint: Checkpoint, mixtures: Iterable[Block]) -> None:
    """Refuses experts outside of decoder layers, and two mixtures in one layer."""
    layers: Counter[int] = Counter()
    for block in mixtures:
        if block.layer is None:
            _refuse(checkpoint, f"has experts outside its decoder layers, at {excerpt(block.path)}")
        layers[block.layer] += not block.attention
    if layers and (most := layers.most_common(1)[0])[1] > 1:
        _refuse(checkpoint, f"layer {most[0]} has {most[1]} mixtures of experts")


def _site(
    checkpoint: Checkpoint, config: MoeConfig, block: Block, near: Mapping[str, TensorInfo]
) -> MoeSite:
    """The MoE layer of a block, held against the config and the tensors of its layer."""
    layer, experts = block.layer or 0, block.experts
    if block.twice:
        _refuse(
            checkpoint,
            f"the experts of layer {layer} are stored twice, one by one and as tensors of all: "
            "some loaders take the ones, some the others",
        )
    declared = config.integers(EXPERTS, layer)
    if declared and experts not in declared:
        _refuse(
            checkpoint,
            f"config says {declared[0]} experts, the weights of layer {layer} hold {experts}",
        )
    if not block.whole:
        _refuse(checkpoint, f"some tensors of the {experts} experts of layer {layer} are missing")
    if block.integer:
        _refuse(
            checkpoint,
            f"the experts of layer {layer} are stored as integers, and the config does not say how",
        )
    _check_router(checkpoint, config, block, near)
    top_k = config.top_k(layer, experts)
    return MoeSite(
        layer=layer,
        path=block.path,
        experts=experts,
        top_k=top_k,
        shared=config.shared(layer) if any(map(_SHARED.search, near)) else 0,
        routing=_routing(checkpoint, config, block, top_k, near),
    )


def _check_router(
    checkpoint: Checkpoint, config: MoeConfig, block: Block, near: Mapping[str, TensorInfo]
) -> None:
    """Checks that a router scores as many experts as there are, or more where the family may."""
    layer, experts = block.layer, block.experts
    routers = [
        info.shape[0]
        for name, info in _inside(block, near).items()
        if _ROUTER.fullmatch(name) and len(info.shape) == 2
    ]
    extra = any(family.extra_columns for family in config.families)
    if not any(rows == experts or (extra and rows > experts) for rows in routers):
        there = f"a router of {routers[0]}" if routers else "no router"
        _refuse(checkpoint, f"layer {layer} has {experts} experts, but {there}")


def _inside(block: Block, near: Mapping[str, TensorInfo]) -> dict[str, TensorInfo]:
    """The tensors of a block, by their name in it."""
    prefix = block.path + "."
    return {n.removeprefix(prefix): info for n, info in near.items() if n.startswith(prefix)}


def _routing(
    checkpoint: Checkpoint,
    config: MoeConfig,
    block: Block,
    top_k: int,
    near: Mapping[str, TensorInfo],
) -> str:
    """`table` where a tensor maps token ids to experts, else `learned`."""
    layer = block.layer or 0
    inside = _inside(block, near).items()
    table = next((info for name, info in inside if name.endswith(_TABLE)), None)
    said = config.table(layer)
    if said is not None and said != (table is not None):
        has = "a table" if table else "no table"
        _refuse(
            checkpoint,
            f"config says that layer {layer} routes by {'a table' if said else 'learning'}, "
            f"its weights hold {has} of token ids",
        )
    if table and table.shape[-1] != top_k:
        _refuse(
            checkpoint,
            f"the table of layer {layer} names {table.shape[-1]} experts per token, "
            f"config says {top_k}",
        )
    return "table" if table else "learned"


def _check_sites(
    checkpoint: Checkpoint,
    sites: tuple[MoeSite, ...],
    tensors: Mapping[str, TensorInfo],
    strange: str | None,
) -> None:
    if not sites:
        # Calling it dense would let a mixture of a new layout go unaudited.
        strange = next((name for name in tensors if _LOOKS_ROUTED.search(name)), None)
    if strange:
        raise CheckpointError(
            f"experts are laid out in a way Gatekeeper does not know ({excerpt(strange)})",
            where=excerpt(checkpoint.path),
            remedy="save it with a current transformers, or ask for the architecture to be added",
        )


def _dtype(tensors: Iterable[TensorInfo]) -> str:
    """The dtype most elements have, as torch spells it."""
    elements: Counter[str] = Counter()
    for info in tensors:
        elements[info.dtype] += info.elements
    return _DTYPES.get(name := elements.most_common(1)[0][0], name.lower()) if elements else "none"


def _refuse(checkpoint: Checkpoint, message: str) -> NoReturn:
    raise CheckpointError(
        message,
        where=excerpt(checkpoint.path / CONFIG),
        remedy="config and weights must be of one model: save both again with save_pretrained",
    )
