"""Work that the device's memory does not hold is done in halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from gatekeeper.errors import AuditError

_Row = TypeVar("_Row")
_Result = TypeVar("_Result")


def in_halves(
    rows: Sequence[_Row], run: Callable[[Sequence[_Row]], list[_Result]]
) -> list[_Result]:
    """What `run` gives for the rows, in their order.

    Raises:
        AuditError: the memory does not hold a single row.
    """
    try:
        return run(rows)
    except torch.cuda.OutOfMemoryError as error:
        if len(rows) == 1:
            raise AuditError(
                "the device's memory does not hold a single row beside the model",
                remedy="use a larger GPU, shorter prompts or a smaller --max-new-tokens",
            ) from error
    torch.cuda.empty_cache()
    half = len(rows) // 2
    return [*in_halves(rows[:half], run), *in_halves(rows[half:], run)]
