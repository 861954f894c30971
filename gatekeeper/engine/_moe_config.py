"""What a config.json says about experts, under the many names the families give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gatekeeper.engine.checkpoint import CONFIG, Checkpoint
from gatekeeper.errors import CheckpointError, excerpt

#: Names of the number of routed experts E, of the experts per token k, and of shared experts.
EXPERTS = (
    "num_experts",
    "num_local_experts",
    "n_routed_experts",
    "moe_num_experts",
)
TOP_K = (
    "num_experts_per_tok",
    "moe_topk",
    "moe_top_k",
    "moe_k",
    "top_k_experts",
    "num_experts_per_token",
)
SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", "num_shared_expert")

#: Families whose router has columns beyond the routed experts (shared, skip or identity experts).
EXTRA_COLUMNS = ("longcat_flash", "zaya", "inkling_text", "inkling_mm_model")

#: Families in whose checkpoints `gate.bias` is the correction bias of the routing, which
#: transformers keeps as a buffer (its `conversion_mapping` renames it). Elsewhere it is a weight.
GATE_BIAS_ROUTES = (
    "deepseek_v4",
    "inkling_text",
    "inkling_mm_model",
    "inkling2_text",
    "inkling2",
)

#: Families that tie the output head to the embedding unless their config says no.
TIED_BY_DEFAULT = (
    "cohere2_moe",
    "ernie4_5_moe",
    "gemma4",
    "gemma4_text",
    "jetmoe",
    "lfm2_moe",
    "zaya",
)

_NESTED = ("text_config", "llm_config", "language_config", "ffn_config")


class MoeConfig:
    """Reads the settings of a checkpoint's language model; nested configs count as its own."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._sections = tuple(_sections(checkpoint.config))
        self._where = excerpt(checkpoint.path / CONFIG)

    @property
    def families(self) -> frozenset[str]:
        """The model types of the checkpoint and of the text model in it."""
        return frozenset(str(s["model_type"]) for s in self._sections if "model_type" in s)

    @property
    def tied(self) -> bool:
        """Whether the output head is the embedding."""
        said = self.first("tie_word_embeddings")
        return bool(self.families & set(TIED_BY_DEFAULT)) if said is None else said is True

    def first(self, *names: str) -> Any:
        """The first of these settings that is there and not null, or None."""
        for section in self._sections:
            for name in names:
                if section.get(name) is not None:
                    return section[name]
        return None

    def integers(self, names: tuple[str, ...], layer: int) -> tuple[int, ...]:
        """The distinct values of these settings for decoder layer `layer`, in order of appearance.

        Some families give a list with one value per layer; `per_layer_config`, which all may have,
        gives a layer values of its own.

        Raises:
            CheckpointError: a value is no natural number.
        """
        found: dict[int, None] = {}
        for section in self._sections:
            for name in names:
                value = _own(section, layer).get(name, section.get(name))
                if isinstance(value, list):
                    value = value[layer] if layer < len(value) else None
                if value is None:
                    continue
                if type(value) is not int or value < 0:
                    raise CheckpointError(
                        f"{name} is {excerpt(value)!r}, not a number of experts",
                        where=self._where,
                        remedy="mend the config",
                    )
                found[value] = None
        return tuple(found)

    def top_k(self, layer: int, experts: int) -> int:
        """Experts that work on a token in layer `layer`.

        Raises:
            CheckpointError: not given, given twice with different values, or more than there are.
        """
        values = self.integers(TOP_K, layer)
        if len(values) != 1 or not 1 <= values[0] <= experts:
            said = " and ".join(map(str, values)) or "nothing"
            raise CheckpointError(
                f"says {said} for the experts per token of layer {layer}, which has {experts}",
                where=self._where,
                remedy=f"set one of {', '.join(TOP_K[:3])}, … between 1 and {experts}",
            )
        return values[0]

    def shared(self, layer: int) -> int:
        """Shared experts where the weights have some: one, unless the config tells how many.

        Raises:
            CheckpointError: it tells two different numbers.
        """
        values = [n for n in self.integers(SHARED, layer) if n]
        if len(values) > 1:
            raise CheckpointError(
                f"says {values[0]} and {values[1]} for the shared experts of layer {layer}",
                where=self._where,
                remedy="mend the config",
            )
        return values[0] if values else 1

    def table(self, layer: int) -> bool | None:
        """Whether layer `layer` routes by a fixed table of token ids; None if the config is silent.

        DeepSeek-V4 gives a kind per layer, or (as first published) the number of such layers.
        """
        kinds, count = self.first("mlp_layer_types"), self.first("num_hash_layers")
        if isinstance(kinds, list) and layer < len(kinds):
            return bool(kinds[layer] == "hash_moe")
        return layer < count if type(count) is int else None

    def natural(self, *names: str) -> int | None:
        """The first of these settings if it is a whole number above 0."""
        value = self.first(*names)
        return value if type(value) is int and value > 0 else None


def _own(section: Mapping[str, Any], layer: int) -> Mapping[str, Any]:
    """What `per_layer_config` says of one layer."""
    layers = section.get("per_layer_config")
    own = layers.get(str(layer)) if isinstance(layers, dict) else None
    return own if isinstance(own, dict) else {}


def _sections(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield config
    for name in _NESTED:
        section = config.get(name)
        if isinstance(section, dict):
            yield from _sections(section)
