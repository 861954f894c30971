"""Hooks on the routers: remove experts before top-k, scale gate weights, record the routing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Expert = tuple[int, int]
"""An expert as (layer, index in the layer)."""


@dataclass
class Routing:
    """What the routers did in the passes under the hooks, one entry a layer and pass.

    Attributes:
        probabilities: router softmax, tokens x experts.
        chosen: indices of the selected experts, tokens x top-k.
    """

    probabilities: list[Tensor] = field(default_factory=list)
    chosen: list[Tensor] = field(default_factory=list)


def removed_experts(model: Any, experts: Iterable[Expert], rows: int = 1) -> Tensor:
    """A boolean mask, rows x layers x experts, that is true at the given experts."""
    config = model.config
    mask = torch.zeros(rows, config.num_hidden_layers, config.num_experts, dtype=torch.bool)
    for layer, expert in experts:
        mask[:, layer, expert] = True
    return mask


@contextmanager
def routed(
    model: Any, removed: Tensor | None = None, factors: Tensor | None = None
) -> Iterator[Routing]:
    """Run forward passes with experts removed or gate weights scaled, recording the routing.

    Args:
        removed: rows x layers x experts (one row serves every row of the batch). A removed
            expert's router logit is minus infinity before top-k, so another takes its place and
            the model's own renormalisation applies.
        factors: layers x experts, multiplied onto the gate weights after top-k.
    """
    record = Routing()
    with ExitStack() as stack:
        for layer, block in enumerate(model.model.layers):
            row_mask = None if removed is None else removed[:, layer]
            scale = None if factors is None else factors[layer]
            hook = _router_hook(row_mask, scale, record)
            stack.callback(block.mlp.gate.register_forward_hook(hook).remove)
        yield record


def _router_hook(
    removed: Tensor | None, factors: Tensor | None, record: Routing
) -> Callable[[Any, Any, Sequence[Tensor]], tuple[Tensor, Tensor, Tensor]]:
    def hook(router: Any, _: Any, output: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        logits, weights, chosen = output
        if removed is not None:
            tokens_per_row = logits.shape[0] // removed.shape[0]
            mask = removed.repeat_interleave(tokens_per_row, dim=0)
            logits = logits.masked_fill(mask, float("-inf"))
        probabilities = logits.softmax(dim=-1, dtype=torch.float32)
        if removed is not None:
            weights, chosen = probabilities.topk(router.top_k, dim=-1)
            weights = (weights / weights.sum(dim=-1, keepdim=True)).to(logits.dtype)
        if factors is not None:
            weights = weights * factors[chosen]
        record.probabilities.append(probabilities)
        record.chosen.append(chosen)
        return logits, weights, chosen

    return hook
