"""How routers and experts are found in a model that follows the contract of transformers 5.

A router returns (logits [N, E], weights [N, k], indices [N, k]); then experts(hidden [N, H],
indices, weights) with 3-D parameters. Modules are found by structure, never by path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSite:
    """One MoE layer of a loaded model.

    Attributes:
        layer: decoder layer index, read from the module path.
        path: path of the block that holds both modules.
        experts_count, top_k: E and k.
        expert_dims: sizes that the routing projection's output may have; its last axis is E.
    """

    layer: int
    path: str
    router: nn.Module
    experts: nn.Module
    experts_count: int
    top_k: int


def _first_int(module: nn.Module, *names: str) -> int | None:
    for name in names:
        value = getattr(module, name, None)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _stacked_experts(module: nn.Module) -> int | None:
    """E of a module whose direct parameters are stacked per expert, else None."""
    sizes = {p.shape[0] for p in module.parameters(recurse=False) if p.dim() == 3}
    return sizes.pop() if len(sizes) == 1 else None


def _router_of(block: nn.Module, experts: nn.Module, count: int) -> nn.Module | None:
    """The sibling that scores `count` experts: a parameter [E, H] on it or just below it."""
    for child in block.children():
        if child is experts or _stacked_experts(child):
            continue
        if any(
            p.dim() == 2 and p.shape[0] == count and "shared" not in name
            for name, p in child.named_parameters()
        ) and _first_int(child, "top_k", "num_experts_per_tok"):
            return child
    return None


def find_sites(model: nn.Module) -> list[RouterSite]:
    """All MoE layers of a model, in order of layer."""
    modules: dict[str, nn.Module] = dict(model.named_modules())
    sites = []
    for path, module in modules.items():
        count = _stacked_experts(module)
        if count is None or count < 2 or "." not in path:
            continue
        parent = path.rpartition(".")[0]
        router = _router_of(modules[parent], module, count)
        layer = next((int(part) for part in path.split(".") if part.isdigit()), None)
        if router is None or layer is None:
            continue
        sites.append(
            RouterSite(
                layer=layer,
                path=parent,
                router=router,
                experts=module,
                experts_count=count,
                top_k=_first_int(router, "top_k", "num_experts_per_tok") or 0,
            )
        )
    return sorted(sites, key=lambda site: site.layer)


ARCHITECTURE: Any = find_sites
