"""A model's experts, layer by layer, from its config and tensor headers: no weight is read.

MoE or not is decided by the weights' names and shapes, never by the config alone: configs keep
numbers of experts for models that have none. Where the two contradict each other, nobody can say
what was audited, and the checkpoint is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from gatekeeper.engine._moe_config import EXPERTS, EXTRA_COLUMNS, MoeConfig
from gatekeeper.engine.checkpoint import CONFIG, Checkpoint
from gatekeeper.engine.headers import TensorInfo
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.records.model import ModelDescription, MoeSite

#: `model.layers.3.mlp.experts.7.up_proj.weight`: one module per expert.
_LISTED = re.compile(r"(?P<block>.+)\.experts\.(?P<expert>\d+)\.")
#: `model.layers.3.mlp.experts.gate_up_proj`, or GraniteMoE's `….input_linear.weight`: all experts
#: in one tensor, whose first axis counts them.
_STACKED = re.compile(r"(?P<block>.+?)\.(?:experts\.|(?:in|out)put_linear\.weight$)")
_ROUTER = re.compile(r"(?:experts\.)?(?:gate|router)\.(?:[\w.]+\.)?weight")
_SHARED = re.compile(r"\.shared_(?:experts?|mlp)\.")
_LAYER = re.compile(r"(?:^|\.)(?:layers|blocks|h)\.(\d+)(?:\.|$)")
_LOOKS_ROUTED = re.compile(r"(?:^|[._])(?:experts?|router)(?:[._]|$)")

#: Not parameters: routing biases kept outside the gradient, cached tables, scales of quantisation.
_BUFFER = re.compile(
    r"(?:e_score_correction_bias|expert_bias|balancing_biases|inv_freq|slope_rate|\w+_decay|tid2eid"
    r"|\w+_scale_inv|position_ids|layer_scalar)$"
)

_DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64"}
_TOWER = re.compile(r"(?:^|[._])(?:vision|visual|image|audio|tower)")


@dataclass(slots=True, kw_only=True)
class _Block:
    """One mixture as found in the weights.

    Attributes:
        listed: whether each expert has tensors of its own.
        elements: of each expert where they are listed, else of each stacked tensor.
        stacked: numbers of experts the stacked tensors speak of; one, unless they are damaged.
    """

    path: str
    listed: bool
    elements: Counter[int] = field(default_factory=Counter)
    stacked: set[int] = field(default_factory=set)

    @property
    def layer(self) -> int | None:
        match = _LAYER.search(self.path)
        return int(match[1]) if match else None

    @property
    def experts(self) -> int:
        return len(self.elements) if self.listed else min(self.stacked)

    @property
    def whole(self) -> bool:
        """Whether no expert lacks a tensor that another has."""
        if not self.listed:
            return len(self.stacked) == 1
        return len(set(self.elements.values())) == 1 and max(self.elements) < self.experts

    def idle(self, top_k: int) -> int:
        """Elements that do not work on a token when `top_k` experts do."""
        return self.elements.total() // self.experts * (self.experts - top_k)


def describe(checkpoint: Checkpoint) -> ModelDescription:
    """What the model is, from config and headers.

    `sites` is empty for a dense model. Their `path` is the block's name in the weights, which for
    some families is not its name in the loaded model: match by `layer`. Layers for multi-token
    prediction, which transformers does not load, count nowhere.

    Raises:
        CheckpointError: config and weights disagree, or experts are laid out in an unknown way.
    """
    config = MoeConfig(checkpoint)
    layers = config.natural("num_hidden_layers", "n_layers", "n_layer", "num_layers")
    tensors = {n: t for n, t in checkpoint.tensors.items() if _counts(n, layers)}
    blocks = _blocks(tensors, config)
    sites = tuple(_site(checkpoint, config, b, tensors) for b in blocks if not _attention(b))
    _check_sites(checkpoint, sites, tensors)
    parameters = _parameters(tensors, config)
    idle = sum(b.idle(config.top_k(b.layer or 0, b.experts)) for b in blocks)
    architectures = checkpoint.config.get("architectures") or ["unknown"]
    return ModelDescription(
        model_type=checkpoint.config["model_type"],
        architecture=str(architectures[0]),
        dtype=_dtype(tensors.values()),
        layers=layers or 1 + max((_layer(name) or 0 for name in tensors), default=-1),
        sites=sites,
        parameters=parameters,
        active_parameters=parameters - idle,
        context_length=config.natural("max_position_embeddings", "max_seq_len", "n_positions"),
    )


def _layer(name: str) -> int | None:
    match = _LAYER.search(name)
    return int(match[1]) if match else None


def _counts(name: str, layers: int | None) -> bool:
    """Whether a tensor is a parameter of the model itself, not of multi-token prediction."""
    if _BUFFER.search(name) or name.startswith("mtp."):
        return False
    layer = _layer(name)
    return not layers or layer is None or layer < layers or bool(_TOWER.search(name))


def _attention(block: _Block) -> bool:
    """JetMoE mixes attention heads too: that is no site, though its idle heads are idle."""
    return block.path.rpartition(".")[2].startswith("self_att")


def _blocks(tensors: Mapping[str, TensorInfo], config: MoeConfig) -> list[_Block]:
    """Every mixture in the weights, in the order of the layers."""
    blocks: dict[str, _Block] = {}
    for name, info in tensors.items():
        if match := _LISTED.match(name):
            block = blocks.setdefault(match["block"], _Block(path=match["block"], listed=True))
            block.elements[int(match["expert"])] += info.elements
        elif (match := _STACKED.match(name)) and (experts := _axis(name, info, config)):
            block = blocks.setdefault(match["block"], _Block(path=match["block"], listed=False))
            block.elements[len(block.elements)] = info.elements
            block.stacked.add(experts)
    return sorted(blocks.values(), key=lambda b: (b.layer or 0, b.path))


def _axis(name: str, info: TensorInfo, config: MoeConfig) -> int | None:
    """Experts in a stacked tensor, or None if it holds something else."""
    if ".router." in name or ".gate." in name:
        return None
    if len(info.shape) == 3 or (len(info.shape) == 2 and name.endswith("bias")):
        return info.shape[0]
    # DBRX puts its experts one below the other in a matrix: only the config tells how many.
    declared = config.integers(EXPERTS, 0)
    if ".experts.mlp." in name and declared and info.elements % max(declared[0], 1) == 0:
        return declared[0]
    return None


def _site(
    checkpoint: Checkpoint, config: MoeConfig, block: _Block, tensors: Mapping[str, TensorInfo]
) -> MoeSite:
    """The MoE layer of a block, held against the config and its own router."""
    layer, experts = block.layer, block.experts
    if layer is None:
        _refuse(checkpoint, f"has experts outside its decoder layers, at {excerpt(block.path)}")
    declared = config.integers(EXPERTS, layer)
    if declared and experts not in declared:
        _refuse(
            checkpoint,
            f"config says {declared[0]} experts, the weights of layer {layer} hold {experts}",
        )
    if not block.whole:
        _refuse(checkpoint, f"some tensors of the {experts} experts of layer {layer} are missing")
    beside = [n for n in tensors if n.startswith(block.path + ".")]
    routers = [
        tensors[n].shape[0]
        for n in beside
        if _ROUTER.fullmatch(n[len(block.path) + 1 :]) and len(tensors[n].shape) == 2
    ]
    extra = checkpoint.config["model_type"] in EXTRA_COLUMNS
    if not any(rows == experts or (extra and rows > experts) for rows in routers):
        found = f"a router of {routers[0]}" if routers else "no router"
        _refuse(checkpoint, f"layer {layer} has {experts} experts, but {found}")
    return MoeSite(
        layer=layer,
        path=block.path,
        experts=experts,
        top_k=config.top_k(layer, experts),
        shared=config.shared(layer) if _has_shared(block.path, tensors) else 0,
    )


def _has_shared(path: str, tensors: Mapping[str, TensorInfo]) -> bool:
    """Whether experts that see every token stand in the block, or beside it in its layer."""
    match = _LAYER.search(path)
    prefix = path[: match.end()] if match else path
    return any(name.startswith(prefix) and _SHARED.search(name) for name in tensors)


def _check_sites(
    checkpoint: Checkpoint, sites: tuple[MoeSite, ...], tensors: Mapping[str, TensorInfo]
) -> None:
    layers = Counter(site.layer for site in sites)
    if layers and (most := layers.most_common(1)[0])[1] > 1:
        _refuse(checkpoint, f"layer {most[0]} has {most[1]} mixtures of experts")
    routed = next((name for name in tensors if _LOOKS_ROUTED.search(name)), None)
    if routed and not sites:
        # Calling it dense would let a mixture of a new layout go unaudited.
        raise CheckpointError(
            f"experts are laid out in a way Gatekeeper does not know ({excerpt(routed)})",
            where=excerpt(checkpoint.path),
            remedy="save it with a current transformers, or ask for the architecture to be added",
        )


def _parameters(tensors: Mapping[str, TensorInfo], config: MoeConfig) -> int:
    """Elements of all parameters, an output head tied to the embedding not counted again."""
    total = sum(info.elements for info in tensors.values())
    head = tensors.get("lm_head.weight")
    embedded = any(name.endswith("embed_tokens.weight") for name in tensors)
    if head and embedded and config.first("tie_word_embeddings") is True:
        total -= head.elements
    return total


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
