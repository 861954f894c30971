"""Cuts, pads and joins the lines of a plain key-value cache, so that rows can come and go.

Plain means transformers' `DynamicCache` with `DynamicLayer`s only: keys and values [B, heads, T,
size] and nothing else. Sliding windows, states of linear attention and indexers keep more, of which
a cut or a join would have to know; caches that hold such a layer are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def is_plain(cache: Any) -> bool:
    """Whether all that a cache holds is keys and values of every token."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return type(cache) is DynamicCache and all(
        type(layer) is DynamicLayer and layer.is_initialized and layer.keys.dim() == 4
        for layer in cache.layers
    )


def padded(table: Tensor, width: int, *, axis: int) -> Tensor:
    """Zeros on the left of an axis, up to `width`."""
    shape = list(table.shape)
    shape[axis] = width - shape[axis]
    return torch.cat([table.new_zeros(shape), table], dim=axis) if shape[axis] else table


def trim(cache: Any, columns: int) -> None:
    """Drops the first columns, which no row attends to any more."""
    for layer in cache.layers if columns else ():
        layer.keys = layer.keys[:, :, columns:].contiguous()
        layer.values = layer.values[:, :, columns:].contiguous()


def crop(cache: Any, columns: int) -> None:
    """Keeps the first columns: what was read behind them is forgotten."""
    for layer in cache.layers:
        layer.keys = layer.keys[:, :, :columns]
        layer.values = layer.values[:, :, :columns]


def join(caches: Sequence[Any]) -> None:
    """Puts the lines of the others below those of the first, all ending at the same column."""
    for layers in zip(*(cache.layers for cache in caches), strict=True):
        width = max(layer.keys.shape[2] for layer in layers)
        for name in ("keys", "values"):
            parts = [padded(getattr(layer, name), width, axis=2) for layer in layers]
            setattr(layers[0], name, torch.cat(parts))
