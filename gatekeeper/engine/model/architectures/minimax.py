"""MiniMax: a cache of its own, with the states of linear attention beside the usual layers."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture


def _pick_lines(cache: Any, start: int, stop: int | None, index: Tensor) -> None:
    for position in range(len(cache))[start:stop]:
        state = cache.linear_cache[position] if position < len(cache.linear_cache) else []
        if isinstance(state, Tensor):
            cache.linear_cache[position] = state.index_select(0, index.to(state.device))
        else:
            cache.layers[position].reorder_cache(index)


ARCHITECTURE = Architecture(
    title="linear attention with a cache of its own", find=find_sites, pick_lines=_pick_lines
)
