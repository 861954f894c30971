"""Rounds a model as int8 serving would, closely enough to see whether its experts still matter.

Weights are rounded to 8 bits per output channel, the inputs of every linear layer and of every
experts module to 8 bits per token as they come (dynamic quantisation, both symmetric). Products are
taken in float32 of the rounded numbers, which is what an int8 kernel with a wide accumulator gives,
but runs everywhere and keeps the gradient (rounding passes it through). Inside an experts module
the state between its two products is not rounded. Routers, embeddings and the head stay as they
are, as common recipes leave them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatekeeper.engine.model.sites import RouterSite

_LEVELS = 127


def rounded(values: Tensor, dim: int) -> Tensor:
    """Values on the 255 levels of int8, scaled to the largest magnitude along `dim`."""
    scale = values.abs().amax(dim=dim, keepdim=True) / _LEVELS
    return torch.round(values / scale.clamp(min=torch.finfo(values.dtype).tiny)) * scale


class _PassThrough(torch.autograd.Function):
    """Rounds forward and lets the gradient through (Bengio et al. 2013, straight-through)."""

    @staticmethod
    def forward(_context: Any, states: Tensor) -> Tensor:
        return rounded(states, dim=-1)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def _passed(states: Tensor) -> Tensor:
    result: Tensor = _PassThrough.apply(states)  # type: ignore[no-untyped-call]
    return result


def _round_input(
    _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Rounds a module's first input: the states, by place or by name."""
    if args:
        return (_passed(args[0]), *args[1:]), kwargs
    name = next(name for name, value in kwargs.items() if isinstance(value, Tensor))
    return args, {**kwargs, name: _passed(kwargs[name])}


def to_int8(model: nn.Module, sites: Sequence[RouterSite]) -> None:
    """Rounds a model in place; it is a copy of its own, loaded for this."""
    head: Any = getattr(model, "get_output_embeddings", lambda: None)()
    routers = {child for site in sites for child in site.router.modules()}
    stacks = {site.experts for site in sites}
    with torch.no_grad():
        for module in model.modules():
            if module in routers or module is head:
                continue
            if isinstance(module, nn.Linear):
                module.weight.copy_(rounded(module.weight, dim=1))
                module.register_forward_pre_hook(_round_input, with_kwargs=True)
            elif module in stacks and _round_stack(module):
                module.register_forward_pre_hook(_round_input, with_kwargs=True)


def _round_stack(experts: nn.Module) -> bool:
    """Rounds matrices stacked per expert, [E, out, in] or [E, in, out]; whether there were any."""
    inner = 1 if getattr(experts, "is_transposed", False) else 2
    stacks = [p for p in experts.parameters(recurse=False) if p.dim() == 3]
    for weight in stacks:
        weight.copy_(rounded(weight, dim=inner))
    return bool(stacks)
