"""Counts selections and gate weights per row, layer and expert, over several token windows."""

from __future__ import annotations

import torch
from torch import Tensor


class Counter:
    """Counts of one forward. Every token belongs to one class: the windows that hold it.

    So each selection is added once, however many windows there are, and without asking the host.

    Args:
        valid: bool [W, B, T], which tokens each window counts.
        layers: L.
        width: choices of the widest router.
        gate_weights: whether weights are summed up too.
    """

    def __init__(self, valid: Tensor, layers: int, width: int, *, gate_weights: bool) -> None:
        self._windows, rows, _ = valid.shape
        self._classes, self._rows, self._width = 2**self._windows, rows, width
        bits = (2 ** torch.arange(self._windows, device=valid.device))[:, None, None]
        kind = (valid * bits).sum(dim=0)
        row = torch.arange(rows, device=valid.device)[:, None]
        self._base = ((kind * rows + row) * width).reshape(-1, 1)
        size = (layers, self._classes * rows * width)
        self._selected = torch.zeros(size, dtype=torch.int32, device=valid.device)
        self._weights = self._selected.float() if gate_weights else None

    def add(self, index: int, chosen: Tensor, weights: Tensor) -> None:
        """Adds the selections [N, k] of layer `index`; a choice of -1 is not counted."""
        if chosen.device != self._base.device:
            chosen, weights = chosen.to(self._base.device), weights.to(self._base.device)
        live = chosen >= 0
        slot = (self._base + chosen.clamp(min=0)).reshape(-1)
        self._selected[index].index_add_(0, slot, live.reshape(-1).to(torch.int32))
        if self._weights is not None:
            self._weights[index].index_add_(0, slot, (weights * live).reshape(-1).float())

    def counts(self) -> Tensor:
        """Times each choice was made: int32 [W, B, L, width]."""
        return self._windowed(self._selected)

    def weights(self) -> Tensor:
        """Sums of gate weights, as the experts were given them: float32 [W, B, L, width].

        Raises:
            ValueError: they were not asked for.
        """
        if self._weights is None:
            raise ValueError("this counter does not sum gate weights")
        return self._windowed(self._weights)

    def _windowed(self, values: Tensor) -> Tensor:
        shape = (values.shape[0], self._classes, self._rows, self._width)
        by_class = values.view(shape).permute(1, 2, 0, 3)
        held = [
            torch.stack([by_class[c] for c in range(self._classes) if c >> w & 1]).sum(dim=0)
            for w in range(self._windows)
        ]
        return torch.stack(held).to(values.dtype)
