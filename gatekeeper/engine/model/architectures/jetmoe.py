"""JetMoE: the router sorts (token, expert) slots by expert and returns them flat.

Its attention is a mixture too, with modules of the same classes. That one is not audited: masking a
query projection is not removing an expert of the feed-forward kind, and nothing is known of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gatekeeper.engine.model.architectures.default import (
    attach_hooks,
    blocks,
    stacked_experts,
    top_k_of,
)
from gatekeeper.engine.model.sites import Architecture, Hooks, RouterSite


def _find(model: nn.Module) -> list[RouterSite]:
    sites = []
    for path, layer, block in blocks(model):
        router, down = getattr(block, "router", None), getattr(block, "output_linear", None)
        if router is None or down is None or "self_att" in path:
            continue
        count, top_k = stacked_experts(down), top_k_of(router)
        if count is not None and top_k is not None:
            sites.append(
                RouterSite(
                    layer=layer,
                    path=path,
                    router=router,
                    experts=down,
                    experts_count=count,
                    top_k=top_k,
                    columns=count,
                    shared=0,
                    routed=True,
                    attach=_attach,
                )
            )
    return sorted(sites, key=lambda site: site.layer)


def _attach(instrument: Hooks, index: int, site: RouterSite) -> list[Any]:
    slots: list[tuple[Tensor, Tensor, Tensor]] = []

    def after_router(_module: nn.Module, _args: Any, out: tuple[Any, ...]) -> tuple[Any, ...]:
        order, token, gates, sizes, logits = out
        expert = torch.repeat_interleave(
            torch.arange(site.experts_count, device=order.device),
            torch.tensor(sizes, device=order.device),
            output_size=order.numel(),  # else the device has to tell
        )
        chosen = torch.empty_like(expert).scatter_(0, order, expert).view(-1, site.top_k)
        weights = torch.empty_like(gates).scatter_(0, order, gates).view(-1, site.top_k)
        _, new = instrument.routed(index, chosen, weights)
        slots[:] = [(order, chosen, new)]
        return order, token, new.reshape(-1)[order], sizes, logits

    def after_down(_module: nn.Module, _args: Any, out: Tensor) -> Tensor | None:
        order, chosen, weights = slots.pop()
        # In float16 an expert may overflow, and 0 times inf is NaN.
        out = out.masked_fill((weights.reshape(-1)[order] == 0)[:, None], 0.0)
        if not instrument.noisy(index):
            return out
        by_slot = torch.empty_like(out).index_copy_(0, order, out)
        flat = by_slot.view(*chosen.shape, -1)
        column = torch.zeros(chosen.shape[0], site.experts_count, dtype=torch.int64).to(out.device)
        column.scatter_(1, chosen, torch.arange(site.top_k).to(out.device).expand_as(chosen))
        # Noise goes in before the gates, slot by slot.
        for slot in range(site.top_k):
            noise = instrument.noise(
                index,
                torch.zeros_like(flat[:, 0]),
                chosen[:, slot : slot + 1],
                torch.ones_like(weights[:, :1]),
                lambda token, expert: flat[token, column[token, expert]],
            )
            if noise is not None:
                flat[:, slot] += noise
        return by_slot[order]

    before, after, experts, behind = attach_hooks(instrument, index, site)
    experts.remove()
    behind.remove()
    return [
        before,
        after,
        site.router.register_forward_hook(after_router),
        site.experts.register_forward_hook(after_down),
    ]


ARCHITECTURE = Architecture(
    title="the router returns slots sorted by expert",
    tied_by_default=True,
    find=_find,
)
