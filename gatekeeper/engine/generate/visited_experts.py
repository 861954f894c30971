"""Which experts each row's tokens were routed to, kept while the unmasked model replies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gatekeeper.engine.model.hooks import PHASES


class Met:
    """Flags of N rows in both phases, on the device; no number is asked from it while it runs.

    Args:
        rows: N.
        layers: L.
        width: C, choices of the widest router.
    """

    def __init__(self, rows: int, layers: int, width: int, device: torch.device) -> None:
        # A column more, for what does not count: padding, and rows that have ended.
        self._table = torch.zeros(
            len(PHASES), rows, layers, width + 1, dtype=torch.bool, device=device
        )
        self._flat = self._table.view(-1)
        self._base = self._valid = torch.empty(0)

    def watch(self, phase: str, rows: Sequence[int], valid: Tensor) -> None:
        """Before a forward: whose tokens these are.

        Args:
            rows: one to each line of the batch.
            valid: bool [B, T], the tokens that count.
        """
        _, count, layers, width = self._table.shape
        number = torch.tensor(rows, device=self._flat.device) + PHASES.index(phase) * count
        self._base = (number * layers * width).repeat_interleave(valid.shape[1])[:, None]
        self._valid = valid.reshape(-1, 1)

    def add(self, index: int, chosen: Tensor, weights: Tensor) -> None:
        """Notes the selections [N, k] of layer `index`; a choice of -1 is none."""
        del weights
        width = self._table.shape[3]
        chosen = chosen.to(self._base.device)
        column = torch.where(self._valid & (chosen >= 0), chosen, width - 1)
        self._flat.index_fill_(0, (self._base + index * width + column).reshape(-1), True)

    def spread(self, source: int, rows: Sequence[int]) -> None:
        """What one row met while the prompt was read, the others did too: they began alike."""
        place = torch.tensor(rows, device=self._flat.device)
        self._table[0, place] |= self._table[0, source]

    def packed(self, rows: Sequence[int]) -> list[bytes]:
        """Each row's flags [2, L, C] as bits; asks the device once."""
        place = torch.tensor(rows, device=self._flat.device)
        flags = self._table[:, place, :, :-1].transpose(0, 1).flatten(1).cpu().numpy()
        return [row.tobytes() for row in np.packbits(flags, axis=1)]


@lru_cache(maxsize=4096)  # a prompt's rows all ask for the same
def unpacked(data: bytes, layers: int, width: int) -> npt.NDArray[np.bool_] | None:
    """Flags [2, L, C] from their bits; None if they are not of such a model."""
    count = len(PHASES) * layers * width
    if len(data) != -(-count // 8):
        return None
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count)
    flags = bits.reshape(len(PHASES), layers, width).astype(bool)
    flags.setflags(write=False)
    return flags
