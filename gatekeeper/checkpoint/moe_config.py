"""Reads what a config.json says about experts, under the many names the families give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from gatekeeper.checkpoint.families import Family, entry_of, family
from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.checkpoint.open import Checkpoint
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
    "experts_per_token",
    "num_selected_experts",
    "moe_router_topk",
)
SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", "num_shared_expert")

_NESTED = ("text_config", "llm_config", "language_config", "ffn_config")
#: Of configs in configs.
_DEEPEST = 4

#: More than any model has; a config that says more would have the work of reading it grow with it.
_MOST = 10**9
_MOST_OF = {
    **dict.fromkeys(("num_hidden_layers", "n_layers", "n_layer", "num_layers"), 10**4),
    **dict.fromkeys((*EXPERTS, *TOP_K, *SHARED, "zero_expert_num"), 10**6),
}


class MoeConfig:
    """Reads the settings of a checkpoint's language model; nested configs count as its own.

    Every value that is read is of its type and within bounds, or refused by its name.

    Raises:
        CheckpointError: a nested config is none.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._where = excerpt(checkpoint.path / CONFIG)
        self._sections = tuple(self._nested(checkpoint.config, 0))

    def _nested(self, config: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
        yield config
        for name in _NESTED:
            section = config.get(name)
            if section is None:
                continue
            if not isinstance(section, dict) or depth == _DEEPEST:
                self._refuse(name, section, "a config in this place")
            yield from self._nested(section, depth + 1)

    def _refuse(self, name: str, value: object, wanted: str) -> NoReturn:
        raise CheckpointError(
            f"{name} is {excerpt(repr(value))}, not {wanted}",
            where=self._where,
            remedy="mend the config",
        )

    def _checked(self, name: str, value: object, wanted: str) -> int:
        """A whole number from 0 up to what a model can have."""
        if type(value) is not int or value < 0:
            self._refuse(name, value, wanted)
        most = _MOST_OF.get(name, _MOST)
        if value > most:
            self._refuse(name, value, f"{wanted} of up to {most:,}")
        return value

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of the checkpoint and of the models nested in it.

        Raises:
            CheckpointError: one is no name.
        """
        types = [s["model_type"] for s in self._sections if s.get("model_type") is not None]
        for name in types:
            if not isinstance(name, str):
                self._refuse("model_type", name, "a name")
        return tuple(family(entry_of(name)) for name in dict.fromkeys(types))

    @property
    def tied(self) -> bool:
        """Whether the output head is the embedding.

        Raises:
            CheckpointError: the config says neither yes nor no.
        """
        said = self.first("tie_word_embeddings")
        if said is not None and type(said) is not bool:
            self._refuse("tie_word_embeddings", said, "true or false")
        return any(f.tied_by_default for f in self.families) if said is None else said

    @property
    def says_tied(self) -> bool:
        """Whether the output head is the embedding to a reader of any of the nested configs."""
        return self.tied or any(s.get("tie_word_embeddings") is True for s in self._sections)

    def first(self, *names: str) -> Any:
        """The first of these settings that is there and not null, or None; of any type."""
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
            CheckpointError: a value is no natural number, or too large.
        """
        values: dict[int, None] = {}
        for section in self._sections:
            of_layer = self._of_layer(section, layer)
            for name in names:
                value = of_layer.get(name, section.get(name))
                if isinstance(value, list):
                    value = value[layer] if layer < len(value) else None
                if value is not None:
                    values[self._checked(name, value, "a number of experts")] = None
        return tuple(values)

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
        return None if count is None else layer < self._checked("num_hash_layers", count, "a count")

    def natural(self, *names: str) -> int | None:
        """The first of these settings that is there, if it is above 0 and the same in all layers.

        Raises:
            CheckpointError: it is neither a whole number from 0, nor a list of one for each layer,
                or it is too large.
        """
        for section in self._sections:
            for name in names:
                value = section.get(name)
                if isinstance(value, list) and name not in _MOST_OF:
                    return None
                if value is not None:
                    return self._checked(name, value, "a whole number") or None
        return None

    def layers_named(self, name: str) -> frozenset[int]:
        """A setting that lists layers; empty if it is not there.

        Raises:
            CheckpointError: it is no list of numbers of layers.
        """
        value = self.first(name)
        if value is None:
            return frozenset()
        if not isinstance(value, list) or not all(type(n) is int and n >= 0 for n in value):
            self._refuse(name, value, "a list of numbers of layers")
        return frozenset(value)

    def _of_layer(self, section: Mapping[str, Any], layer: int) -> Mapping[str, Any]:
        """The settings that `per_layer_config` gives one layer."""
        layers = section.get("per_layer_config")
        if layers is None:
            return {}
        if not isinstance(layers, dict):
            self._refuse("per_layer_config", layers, "a config for each layer")
        settings = layers.get(str(layer))
        if settings is None:
            return {}
        if not isinstance(settings, dict):
            self._refuse("per_layer_config", settings, "a config for each layer")
        return settings
