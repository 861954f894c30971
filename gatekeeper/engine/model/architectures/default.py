"""Finds and hooks MoE layers of families that follow the contract of transformers 5.

A router returns (logits [N, E], weights [N, k], indices [N, k]); then experts(hidden [N, H],
indices, weights) with 3-D parameters. Modules are found by structure, never by path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from gatekeeper.checkpoint.moe_config import SHARED
from gatekeeper.engine.model.sites import Architecture, Hooks, RouterSite

#: Names of k on routers, blocks and configs.
_TOP_K = (
    "top_k",
    "num_experts_per_tok",
    "moe_topk",
    "moe_k",
    "top_k_experts",
    "num_experts_per_token",
)


def first_int(source: object, *names: str) -> int | None:
    """The first of these attributes that is a whole number."""
    for name in names:
        value = getattr(source, name, None)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def stacked_experts(module: nn.Module) -> int | None:
    """E of a module whose own parameters are stacked per expert, else None."""
    if isinstance(module, nn.modules.conv._ConvNd):
        return None  # its kernel has three axes too
    sizes = {p.shape[0] for p in module.parameters(recurse=False) if p.dim() == 3}
    return sizes.pop() if len(sizes) == 1 else None


def scores(module: nn.Module, columns: int) -> bool:
    """Whether a module has a projection [columns, H] of its own or just below it."""
    return any(
        p.dim() == 2 and p.shape[0] == columns and "shared" not in name
        for name, p in module.named_parameters()
    )


def top_k_of(router: nn.Module | None, block: nn.Module | None = None) -> int | None:
    """k, as the router, its config or the block around it tells."""
    # Not the block's config: every module of a model has that, and says nothing by it.
    for source in (router, getattr(router, "config", None), block):
        if k := first_int(source, *_TOP_K):
            return k
    return None


def blocks(model: nn.Module) -> Iterator[tuple[str, int, nn.Module]]:
    """(path, decoder layer, module) of every module inside a decoder layer."""
    for path, module in model.named_modules():
        layer = next((int(part) for part in path.split(".") if part.isdigit()), None)
        if layer is not None:
            yield path, layer, module


def shared_experts(block: nn.Module, beside: nn.Module, config: object, layer: int) -> int:
    """Experts that see every token, in the block or beside it.

    Several may be fused into one module: their number is that of the stacked parameters, else of
    the config, else 1. `inspect.describe` counts alike, from headers.
    """
    for place in (block, beside):
        for name, child in place.named_children():
            if "shared" in name and ("expert" in name or "mlp" in name):
                return stacked_experts(child) or _configured(config, layer) or 1
    return 0


def _configured(config: Any, layer: int) -> int | None:
    """Shared experts of a layer as the config tells: one number, or a list of one per layer."""
    if getattr(config, "is_heterogeneous", False):
        config = config.per_layer_config[layer]
    for name in SHARED:
        value = getattr(config, name, None)
        if isinstance(value, list) and layer < len(value):
            value = value[layer]
        if isinstance(value, int) and value > 0:
            return value
    return None


def find_sites(
    model: nn.Module,
    *,
    count: Callable[[nn.Module], int | None] = stacked_experts,
    columns: Callable[[nn.Module, int], int | None] | None = None,
    attach: Callable[[Hooks, int, RouterSite], list[Any]] | None = None,
    routed: Callable[[nn.Module], bool] = lambda _router: True,
) -> list[RouterSite]:
    """All MoE layers of a model, in order of layer.

    Args:
        count: E of an experts module, or None if a module is not one.
        columns: choices a module scores when it is the router of E experts, or None.
        attach: see `RouterSite`.
        routed: whether the router chooses.
    """
    modules = dict(model.named_modules())
    config: Any = getattr(model, "config", None)
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    sites = []
    for path, layer, experts in blocks(model):
        size = count(experts)
        if size is None or size < 2 or "shared" in path.rpartition(".")[2]:
            continue
        parent = path.rpartition(".")[0]
        router, width = _router_of(modules[parent], experts, size, columns)
        top_k = top_k_of(router, modules[parent])
        if router is None or top_k is None:
            continue
        sites.append(
            RouterSite(
                layer=layer,
                path=parent,
                router=router,
                experts=experts,
                experts_count=size,
                top_k=top_k,
                columns=width,
                shared=shared_experts(modules[parent], modules[_layer_path(path)], text, layer),
                routed=routed(router),
                attach=attach or attach_hooks,
            )
        )
    return sorted(sites, key=lambda site: site.layer)


def _layer_path(path: str) -> str:
    parts = path.split(".")
    index = next(i for i, part in enumerate(parts) if part.isdigit())
    return ".".join(parts[: index + 1])


def _router_of(
    block: nn.Module,
    experts: nn.Module,
    count: int,
    columns: Callable[[nn.Module, int], int | None] | None,
) -> tuple[nn.Module | None, int]:
    """The sibling that scores the experts, and how many choices it scores."""
    for name, child in block.named_children():
        if child is experts or "shared" in name or stacked_experts(child):
            continue
        width = columns(child, count) if columns else count
        if width is not None and scores(child, width):
            return child, width
    return None, count


def attach_hooks(instrument: Hooks, index: int, site: RouterSite) -> list[Any]:
    """Hooks around the router (reroute) and in front of and behind the experts."""
    return [
        site.router.register_forward_pre_hook(
            lambda _m, args, kwargs: instrument.before_router(index, args, kwargs),
            with_kwargs=True,
        ),
        site.router.register_forward_hook(
            lambda _m, _args, _out: instrument.after_router(), always_call=True
        ),
        site.experts.register_forward_pre_hook(
            lambda _m, args, kwargs: instrument.before_experts(index, args, kwargs),
            with_kwargs=True,
        ),
        site.experts.register_forward_hook(
            lambda module, _args, out: instrument.after_experts(index, module, out)
        ),
    ]


ARCHITECTURE = Architecture(
    title="routers and experts as in the common contract of transformers 5", find=find_sites
)
