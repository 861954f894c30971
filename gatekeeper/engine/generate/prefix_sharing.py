"""Prefix sharing: below the first masked layer, rows with the same tokens so far are all the same.

A batch holds many rows (prompt × mask) of few prompts, and most masks do not change the reply. The
layers below the first masked one run once per group of rows with equal tokens, in prefill and in
every decoding step; in front of that layer the rows part. The attention of that layer does not know
of its mask yet, so it may run once per group too. The result is that of separate rows up to
rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gatekeeper.engine.model.sites import RouterSite


def decoder_layers(model: nn.Module, sites: Sequence[RouterSite]) -> nn.ModuleList | None:
    """The list of decoder layers, read off the path of a MoE block (`model.layers.3.mlp`)."""
    parts = sites[0].path.split(".")
    index = next(i for i, part in enumerate(parts) if part.isdigit())
    layers = model.get_submodule(".".join(parts[:index]))
    return layers if isinstance(layers, nn.ModuleList) else None


def share_of_rows(layers: nn.ModuleList | None, first: float) -> float:
    """Share of the layers that run for every row, from the first masked one on; (0, 1].

    Args:
        layers: the decoder layers; None: where nothing is shared.
        first: the first masked layer; infinite: there is none, and nothing is shared either.
    """
    if layers is None or first == math.inf:
        return 1.0
    # A mask that names no layer of the model is refused where its table is made.
    return max(len(layers) - first, 1) / len(layers)


def attention_of(layer: nn.Module) -> nn.Module | None:
    """The one attention of a decoder layer; None if it has none or several, or a kin of it."""
    attentions = [m for m in layer.children() if "attention" in type(m).__name__.lower()]
    return attentions[0] if len(attentions) == 1 else None


def expand(value: Any, groups: int, index: Tensor) -> Any:
    """Repeats the rows of every tensor [groups, …] as `index` tells, inside containers too."""
    if isinstance(value, Tensor):
        # One axis only: positions within the sequence, which have no rows.
        has_rows = value.dim() > 1 and value.shape[0] == groups
        return value.index_select(0, index.to(value.device)) if has_rows else value
    if isinstance(value, dict):
        return {key: expand(item, groups, index) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(expand(item, groups, index) for item in value)
    return value


@contextmanager
def part_rows(
    layers: nn.ModuleList,
    first: int,
    groups: int,
    index: Tensor,
    attention: nn.Module | None = None,
) -> Iterator[None]:
    """Runs layers below decoder layer `first` once for a group of equal rows, while open.

    Args:
        groups: lines of the batch as it enters the model.
        index: [B], the group of each row.
        attention: that layer's; it runs once per group.
    """

    def before(position: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # Behind the first layer the hidden states (the positional ones) have parted already.
        if position == first:
            args = tuple(expand(a, groups, index) for a in args)
        hidden = kwargs.pop("hidden_states", None)
        kwargs = {key: expand(value, groups, index) for key, value in kwargs.items()}
        if hidden is not None:
            kwargs["hidden_states"] = expand(hidden, groups, index) if position == first else hidden
        return args, kwargs

    handles = [
        layer.register_forward_pre_hook(
            lambda _m, args, kwargs, position=position: before(position, args, kwargs),
            with_kwargs=True,
        )
        for position, layer in enumerate(layers)
        if position >= first
    ]
    if attention is not None:
        handles += _run_once(attention, groups, index)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _run_once(attention: nn.Module, groups: int, index: Tensor) -> list[Any]:
    """Hooks by which a module runs one row of each group, and its output goes to every row."""
    rows = index.shape[0]
    number = torch.arange(rows, device=index.device)
    first = torch.full((groups,), rows, device=index.device)
    first = first.scatter_reduce(0, index, number, "amin")

    def before(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return expand(args, rows, first), expand(kwargs, rows, first)

    def after(_module: nn.Module, _args: tuple[Any, ...], out: Any) -> Any:
        return expand(out, groups, index)

    return [
        attention.register_forward_pre_hook(before, with_kwargs=True),
        attention.register_forward_hook(after),
    ]
