"""DBRX: the router returns logits, and the block chooses; experts stand one below the other.

Masked logits are -inf before the block's softmax and top-k, so what is left is normalised as usual.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from gatekeeper.engine.model.architectures.default import attach_hooks, find_sites, first_int
from gatekeeper.engine.model.sites import Architecture, Hooks, RouterSite


def _count(module: nn.Module) -> int | None:
    inner = getattr(module, "mlp", None)
    return first_int(module, "num_experts") if hasattr(inner, "w1") else None


def _attach(instrument: Hooks, index: int, site: RouterSite) -> list[Any]:
    def after_router(_module: nn.Module, _args: Any, logits: Tensor) -> Tensor | None:
        masked: Tensor | None = instrument.hidden(index, logits)
        return None if masked is None else logits.masked_fill(masked, float("-inf"))

    before, after, *experts = attach_hooks(instrument, index, site)
    before.remove()
    after.remove()
    return [site.router.register_forward_hook(after_router), *experts]


ARCHITECTURE = Architecture(
    title="the router returns logits and the block chooses",
    find=partial(find_sites, count=_count, attach=_attach),
)
