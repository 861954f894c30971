"""Llama 4: dense scores scale the experts' *input*; every expert runs on every token.

The router returns sigmoid scores [N, E], zero where an expert was not chosen. A factor or noise on
an expert therefore goes on its output, [E, N, H], not on a weight.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture, Hooks, RouterSite


def _attach(instrument: Hooks, index: int, site: RouterSite) -> list[Any]:
    chosen: list[Tensor] = []

    def after_router(_module: nn.Module, _args: Any, out: tuple[Tensor, Tensor]) -> None:
        instrument.after_router()
        scores = out[0]
        chosen[:] = [scores.topk(site.top_k, dim=-1).indices]

    def after_experts(_module: nn.Module, _args: Any, out: Tensor) -> Tensor | None:
        picked = chosen.pop()
        ones = torch.ones_like(picked, dtype=out.dtype)
        _, weights = instrument.routed(index, picked, ones)
        by_expert = out.view(site.experts_count, picked.shape[0], -1)
        if weights is not ones:
            factor = torch.ones(by_expert.shape[1::-1], dtype=out.dtype, device=out.device)
            factor = factor.scatter(1, picked, weights).T[:, :, None]
            # Not by multiplying alone: in float16 an expert may overflow, and 0 times inf is NaN.
            out = (by_expert * factor).masked_fill(factor == 0, 0.0).view(out.shape)
        if not instrument.noisy(index):
            return out if weights is not ones else None
        noise = instrument.noise(
            index,
            torch.zeros_like(by_expert[0]),
            picked,
            weights,
            lambda token, expert: by_expert[expert, token],
        )
        if noise is not None:
            # The block sums over experts: noise can be added to any of them.
            out = out.clone()
            out.view(by_expert.shape)[0] += noise
        return out

    def before_router(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        instrument.before_router(index, args, kwargs)

    return [
        site.router.register_forward_pre_hook(before_router, with_kwargs=True),
        site.router.register_forward_hook(after_router),
        # Also when the router raises: the mode must not stay on.
        site.router.register_forward_hook(
            lambda _m, _args, _out: instrument.after_router(), always_call=True
        ),
        site.experts.register_forward_hook(after_experts),
    ]


ARCHITECTURE = Architecture(
    title="scores scale the experts' input, so factors and noise go on their output",
    find=partial(find_sites, attach=_attach),
)
