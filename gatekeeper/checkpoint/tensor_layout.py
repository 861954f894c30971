"""Tells which tensors of a checkpoint are parameters, and which of those are experts.

By names and shapes as checkpoints have them, which for many families are not those of the loaded
model: `save_pretrained` writes the names and layouts of the first publication.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gatekeeper.checkpoint.moe_config import EXPERTS, MoeConfig
from gatekeeper.checkpoint.safetensors_header import TensorInfo

#: Of a layer or an expert, as transformers writes it: no sign, no zero before it, no digits of
#: other scripts, and not so many that `int` refuses them.
NUMBER = r"(?:0|[1-9][0-9]{0,5})"

#: `model.layers.3.mlp.experts.7.up_proj.weight`: one module per expert.
_LISTED = re.compile(rf"(?P<block>.+)\.experts\.(?P<expert>{NUMBER})\.")
#: `model.layers.3.mlp.experts.gate_up_proj`, or GraniteMoE's `….input_linear.weight`: all experts
#: in one tensor, whose first axis counts them.
_STACKED = re.compile(r"(?P<block>.+?)\.(?:experts\.|(?:in|out)put_linear\.weight$)")
_LAYER = re.compile(rf"(?:^|\.)(?:layers|blocks|h)\.({NUMBER})(?:\.|$)")
_TOWER = re.compile(r"(?:^|[._])(?:vision|visual|image|audio|tower)")
#: Layers for multi-token prediction, which transformers does not load.
_AHEAD = re.compile(r"(?:^|\.)mtp(?:_\w+)?\.")
#: Parts that are not the language model itself.
APART = re.compile(f"{_TOWER.pattern}|{_AHEAD.pattern}")

#: Not parameters: routing biases kept outside the gradient, cached tables, scales of quantisation.
_BUFFER = re.compile(
    r"(?:e_score_correction_bias|expert_bias|router_bias|balancing_biases|inv_freq|slope_rate"
    r"|\w_decay|tid2eid|position_ids|layer_scalar)$"
)
#: Scales of quantisation, where what they scale is stored in 8 bits: `x.weight_scale_inv`,
#: `x.scale`, `x.qscale_weight` and `x.activation_scale` of `x.weight`, `x.down_proj_scale_inv` of
#: `x.down_proj`.
_SCALE = re.compile(
    r"(?P<of>.+?)(?:\.scale|\.qscale_weight|\.(?:activation|input)_scale|_scale(?:_inv)?)"
)
_GATE_BIAS = re.compile(r"\.gate\.bias$")

HEAD = re.compile(r"(?:^|\.)(?:lm_head|head|unembed)\.weight$")
EMBEDDING = re.compile(r"(?:^|\.)(?:embed_tokens|embed|embeddings?|wte)\.weight$")

#: What weights are packed into, where their number of elements cannot be told from the shape.
_INTEGER = {"I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "BOOL"}

#: MXFP4 keeps a weight as `…_blocks`, two elements to a byte, and `…_scales`.
_BLOCKS, _SCALES = "_blocks", "_scales"


def layer_of(name: str) -> int | None:
    """The decoder layer that a tensor or block name speaks of."""
    match = _LAYER.search(name)
    return int(match[1]) if match else None


def layer_prefix(name: str) -> str:
    """The part of a name up to its decoder layer."""
    match = _LAYER.search(name)
    return name[: match.end(1)] if match else name


def parameters_of(
    tensors: Mapping[str, TensorInfo], config: MoeConfig, layers: int | None
) -> dict[str, TensorInfo]:
    """The tensors that are parameters of the model itself, tied ones once.

    Packed weights stand under their own name, with the number of elements they unpack to.

    Args:
        layers: number of decoder layers; those beyond are for multi-token prediction.
    """
    gate_biases = any(family.gate_bias_routes for family in config.families)
    parameters = {
        name: info
        for name, info in _unpacked(tensors).items()
        if not (_BUFFER.search(name) or _AHEAD.search(name) or _is_scale(name, tensors))
        and not (gate_biases and _GATE_BIAS.search(name))
        and _within(name, layers)
    }
    if config.tied:
        embedded = {info.shape for name, info in parameters.items() if EMBEDDING.search(name)}
        parameters = {
            name: info
            for name, info in parameters.items()
            if not (HEAD.search(name) and info.shape in embedded)
        }
    return parameters


def _is_scale(name: str, tensors: Mapping[str, TensorInfo]) -> bool:
    if "scale" not in name or not (match := _SCALE.fullmatch(name)):
        return False
    scaled = (tensors.get(n) for n in (match["of"], match["of"] + ".weight"))
    return any(t.dtype.startswith("F8") for t in scaled if t)


def _within(name: str, layers: int | None) -> bool:
    layer = layer_of(name)
    return not layers or layer is None or layer < layers or bool(_TOWER.search(name))


def _unpacked(tensors: Mapping[str, TensorInfo]) -> dict[str, TensorInfo]:
    """Joins MXFP4 blocks [E, rows, groups, bytes] and their scales to one [E, rows, columns]."""
    unpacked = dict(tensors)
    for name, info in tensors.items():
        plain = name.removesuffix(_BLOCKS)
        packed = name != plain and info.dtype == "U8" and len(info.shape) == 4
        if packed and plain + _SCALES in tensors:
            del unpacked[name], unpacked[plain + _SCALES]
            experts, rows, groups, size = info.shape
            unpacked[plain] = TensorInfo(shape=(experts, rows, groups * size * 2), dtype="F4")
    return unpacked


@dataclass(slots=True, kw_only=True)
class Block:
    """One mixture as found in the weights.

    Attributes:
        listed: whether each expert has tensors of its own.
        elements: of each expert where they are listed, else of each stacked tensor.
        stacked: of each stacked tensor, how many experts it speaks of: all of as many.
        spare: elements kept for experts that have no work for them: LongCat's identity experts.
        integer: whether some of it is stored as integers, so that nobody can say what it holds.
        twice: whether it has tensors for single experts, and others for all.
    """

    path: str
    listed: bool
    elements: Counter[int] = field(default_factory=Counter)
    stacked: dict[int, int] = field(default_factory=dict)
    spare: int = 0
    integer: bool = False
    twice: bool = False

    @property
    def layer(self) -> int | None:
        """The mixture's decoder layer."""
        return layer_of(self.path)

    @property
    def experts(self) -> int:
        """Routed experts."""
        return len(self.elements) if self.listed else min(self.stacked.values())

    @property
    def whole(self) -> bool:
        """Whether no expert lacks a tensor that another has."""
        if not self.listed:
            return len(set(self.stacked.values())) == 1
        return len(set(self.elements.values())) == 1 and max(self.elements) < self.experts

    @property
    def attention(self) -> bool:
        """Whether it mixes attention heads, as in JetMoE: no site, though idle heads are idle."""
        return self.path.rpartition(".")[2].startswith("self_att")

    def idle(self, top_k: int) -> int:
        """Elements that do not work on a token when `top_k` experts do."""
        routed = self.elements.total() // self.experts * (self.experts - top_k)
        return routed + self.spare


def unknown(tensors: Mapping[str, TensorInfo], config: MoeConfig) -> str | None:
    """A tensor beside the experts of which nobody can say how many of them it holds, if any."""
    for name, info in tensors.items():
        if ".experts." not in name or ".router." in name or ".gate." in name:
            continue
        # JetMoE adds one vector to what its experts give, whichever they are.
        counted = _LISTED.match(name) or _axis(name, info, config) or len(info.shape) == 1
        if not counted:
            return name
    return None


def blocks(tensors: Mapping[str, TensorInfo], config: MoeConfig) -> list[Block]:
    """Every mixture in the weights, in the order of the layers."""
    mixtures: dict[str, Block] = {}
    for name, info in tensors.items():
        if match := _LISTED.match(name):
            block = mixtures.setdefault(match["block"], Block(path=match["block"], listed=True))
            block.elements[int(match["expert"])] += info.elements
        elif (match := _STACKED.match(name)) and (experts := _axis(name, info, config)):
            block = mixtures.setdefault(match["block"], Block(path=match["block"], listed=False))
            block.stacked[len(block.elements)] = experts
            block.elements[len(block.elements)] = info.elements
        else:
            continue
        block.integer |= info.dtype in _INTEGER
        block.twice |= block.listed != bool(_LISTED.match(name))
    for block in mixtures.values():
        _set_identity_apart(block, config)
    return sorted(mixtures.values(), key=lambda b: (b.layer or 0, b.path))


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


def _set_identity_apart(block: Block, config: MoeConfig) -> None:
    """Moves to `spare` what is kept for identity experts, which pass a token through unchanged.

    LongCat-Flash makes room for them in the up-projection and never uses it.
    """
    identity = config.natural("zero_expert_num") or 0
    declared = config.integers(EXPERTS, block.layer or 0)
    if not identity or len(declared) != 1:
        return
    routed = declared[0]
    if block.listed:
        unused = [e for e in block.elements if routed <= e < routed + identity]
        block.spare = sum(block.elements.pop(e) for e in unused)
        return
    for tensor, experts in block.stacked.items():
        if experts == routed + identity:
            spare = block.elements[tensor] // experts * identity
            block.elements[tensor] -= spare
            block.spare += spare
            block.stacked[tensor] = routed
