"""Describes the MoE layers of a loaded model, and how families differ in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from gatekeeper.checkpoint.families import Family


class Hooks(Protocol):
    """The calls that a site's hooks may make: see `hooks.Instrument`, which answers them."""

    def before_router(self, index: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Keeps masked experts from being chosen until `after_router`."""

    def after_router(self) -> None:
        """Lets the router choose freely again."""

    def hidden(self, index: int, states: Tensor) -> Tensor | None:
        """The experts that must not be chosen, bool [N, C], where a family masks by itself."""

    def before_experts(
        self,
        index: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        counted: Tensor | None = None,
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Hands the experts module its (indices, weights) as the masks want them."""

    def after_experts(self, index: int, experts: nn.Module, out: Tensor) -> Tensor | None:
        """Adds noise to what noisy experts gave."""

    def routed(
        self, index: int, chosen: Tensor, weights: Tensor, *, counted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Counts what a router chose and applies masks and factors to it."""
        ...

    def noisy(self, index: int) -> bool:
        """Whether any row wants noise in the layer."""
        ...

    def noise(
        self,
        index: int,
        out: Tensor,
        chosen: Tensor,
        weights: Tensor,
        output_of: Callable[[Tensor, Tensor], Tensor],
    ) -> Tensor | None:
        """The layer's output with noise in the experts that are to have some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSite:
    """One MoE layer of a loaded model.

    Attributes:
        layer: decoder layer index, read from the module path.
        path: path of the block that holds both modules.
        experts_count, top_k: E and k.
        columns: choices the router scores; more than E where it may also pick an expert that is no
            routed one (identity, skip or shared experts). Those can't be masked.
        shared: experts of the layer that see every token, as far as modules tell (0 or 1 and up).
        routed: whether the choice is the router's; False for a fixed table of tokens, which leaves
            nothing to reroute.
        attach: puts an instrument's hooks on this site, the index-th of its sites.
    """

    layer: int
    path: str
    router: nn.Module
    experts: nn.Module
    experts_count: int
    top_k: int
    columns: int
    shared: int
    routed: bool
    attach: Callable[[Hooks, int, RouterSite], list[Any]]


def pick_lines(cache: Any, start: int, stop: int | None, index: Tensor) -> None:
    """Makes line i of the cache's layers [start, stop) what line `index[i]` was.

    `reorder_cache` is what every kind of cache layer has, states of linear attention and compressed
    windows included; `batch_select_indices` is not.
    """
    for layer in cache.layers[start:stop]:
        layer.reorder_cache(index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(Family):
    """How a family's mixtures are found and hooked; `default.py` serves all that keep the contract.

    What `Family` tells of it is written out in the family's file: `inspect` reads it without torch.

    Attributes:
        find: all MoE layers of a model, in order of layer.
        pads: whether padding on the left changes nothing; else rows of equal length only share a
            batch.
        shares: whether the cache can hold a line per group below a layer and one per row above.
        pick_lines: the function of that name, for a cache of the family's own kind.
    """

    find: Callable[[nn.Module], Sequence[RouterSite]]
    pads: bool = True
    shares: bool = True
    pick_lines: Callable[[Any, int, int | None, Tensor], None] = pick_lines
