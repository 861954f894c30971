"""Weights that hold no numbers: told by the tensor's name before anything is measured with them.

One expert of NaN answers nothing until a mask reroutes a token to it; the replies after that are
garbage, which would be counted as an effect of the mask.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatekeeper.errors import CheckpointError, excerpt

#: Elements looked at together: the answer takes a byte for each.
_PIECE = 1 << 26
_NAMED = 3


@torch.no_grad()
def refuse_no_numbers(model: Any, path_name: str, dtype: torch.dtype) -> None:
    """Refuses a loaded model whose weights hold NaN or infinity.

    Weights that lie on disk (`--device spread`) are not read for it.

    Raises:
        CheckpointError: names the first tensors.
    """
    bad = [name for name, value in model.state_dict().items() if not _finite(value)]
    if not bad:
        return
    shown = ", ".join(excerpt(name) for name in bad[:_NAMED])
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    narrow = dtype == torch.float16
    raise CheckpointError(
        f"the weights hold NaN or infinity{' in float16' if narrow else ''}: {shown}{more}",
        where=path_name,
        remedy="use --dtype bfloat16, which holds larger numbers; if it is said again, save the "
        "checkpoint anew from the trained model"
        if narrow
        else "save the checkpoint anew from the trained model: this one was damaged or diverged",
    )


def _finite(value: Tensor) -> bool:
    if value.device.type == "meta" or not value.is_floating_point():
        return True
    local = getattr(value, "to_local", None)  # of a tensor that lies over processes: its part here
    flat = (value if local is None else local()).reshape(-1)
    starts = range(0, flat.numel(), _PIECE)
    return all(bool(torch.isfinite(_wide(flat[i : i + _PIECE])).all()) for i in starts)


def _wide(piece: Tensor) -> Tensor:
    """fp8 as bfloat16, since torch has no such test of fp8."""
    return piece.to(torch.bfloat16) if piece.itemsize == 1 else piece
