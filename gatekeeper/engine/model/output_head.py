"""Keeps the output head from being copied for every row of a batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def multiply_head_once(model: Any, dtype: torch.dtype) -> None:
    """Hands the output head its last tokens side by side in memory.

    Cut out of a longer batch they are not, and torch then multiplies row by row: on a processor in
    16 bits it first copies the head for each row (vocabulary × width), which took 400 times as long
    and gigabytes. In float32 it copies nothing, and stays as it is.
    """
    head = model.get_output_embeddings()
    if isinstance(head, nn.Linear) and dtype != torch.float32:
        head.register_forward_pre_hook(_side_by_side)


def _side_by_side(_head: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    # Not `contiguous()`, which takes a single row for so already, whatever its strides.
    return tuple(value.clone(memory_format=torch.contiguous_format) for value in args)
