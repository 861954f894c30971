"""Gaussian noise that belongs to its token, whatever batch the token runs in.

A generator would tie the noise to the order of calls. Here each number is a hash of what it belongs
to: row seed, layer, expert, position in the sequence, channel.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Constants of splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195), as signed int64.
_GAMMA = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64
_UNIT = 2.0**-53


def _shift(value: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64, which torch shifts with its sign."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _mix(value: Tensor) -> Tensor:
    """splitmix64's finaliser: int64 to well-mixed int64; products wrap around."""
    value = value + _GAMMA
    value = (value ^ _shift(value, 30)) * _FIRST
    value = (value ^ _shift(value, 27)) * _SECOND
    return value ^ _shift(value, 31)


def normal(keys: Tensor, channels: int) -> Tensor:
    """Standard normal numbers, float32 [M, channels], one row per key.

    Box-Muller on two hashes of (key, channel). Equal keys give equal rows on any device and in any
    batch.

    Args:
        keys: int64 [M].
    """
    channel = torch.arange(channels, device=keys.device, dtype=torch.int64)
    state = _mix(keys)[:, None] + 2 * channel
    first = _shift(_mix(state), 11).double().add_(1.0).mul_(_UNIT)  # in (0, 1]
    second = _shift(_mix(state + 1), 11).double().mul_(_UNIT * 2 * math.pi)
    return (first.log_().mul_(-2.0).sqrt_() * second.cos_()).float()


def combine(*parts: Tensor | int) -> Tensor:
    """One int64 key per element from several whole numbers; order matters.

    Raises:
        TypeError: no part is a tensor.
    """
    key: Tensor | None = None
    for part in parts:
        value = part if key is None or isinstance(part, Tensor) else key.new_tensor(part)
        if not isinstance(value, Tensor):
            raise TypeError("the first part must be a tensor")
        key = _mix(value) if key is None else _mix(key ^ value)
    if key is None:
        raise TypeError("nothing to combine")
    return key
