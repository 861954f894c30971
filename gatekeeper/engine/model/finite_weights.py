"""Refuses weights that hold NaN, infinity or only zeros, before anything is measured.

One expert of NaN answers nothing until a mask reroutes a token to it; the replies after that are
garbage, which would be counted as an effect of the mask. Room that a download set aside and never
filled reads as zeros.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatekeeper.errors import CheckpointError, excerpt

#: Elements looked at together.
_PIECE = 1 << 22
#: Elements that tell a matrix that holds something, nearly always.
_GLANCE = 1 << 12
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
    narrow = dtype == torch.float16
    raise CheckpointError(
        f"the weights hold NaN or infinity{' in float16' if narrow else ''}: {_listed(bad)}",
        where=path_name,
        remedy="use --dtype bfloat16, which holds larger numbers; if it is said again, save the "
        "checkpoint anew from the trained model"
        if narrow
        else "save the checkpoint anew from the trained model: this one was damaged or diverged",
    )


@torch.no_grad()
def refuse_zeros(model: Any, path_name: str) -> tuple[str, ...]:
    """Refuses a model that says nothing since its weights are zeros; a line where only some are.

    Raises:
        CheckpointError: all are, or those of the embedding or of the output head.
    """
    matrices = {
        name: value
        for name, value in model.named_parameters()
        if value.dim() > 1 and not name.endswith("bias") and value.device.type != "meta"
    }
    zeros = [name for name, value in matrices.items() if not _any(value)]
    if not zeros:
        return ()
    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    needed = {id(getattr(module, "weight", None)) for module in ends}
    if len(zeros) == len(matrices) or any(id(matrices[name]) in needed for name in zeros):
        which = "all" if len(zeros) == len(matrices) else f"{len(zeros)} of {len(matrices)}"
        raise CheckpointError(
            f"{which} matrices of the weights hold nothing but zeros: {_listed(zeros)}",
            where=path_name,
            remedy="copy or download the checkpoint again, and compare its checksums",
        )
    return (
        f"{len(zeros)} of {len(matrices)} matrices of the weights hold nothing but zeros: "
        f"{_listed(zeros)}",
    )


def _any(value: Tensor) -> bool:
    local = getattr(value, "to_local", None)
    flat = (value if local is None else local()).reshape(-1)
    first = flat[:_GLANCE]
    return bool(_wide(first).any()) or any(
        bool(_wide(flat[i : i + _PIECE]).any()) for i in range(0, flat.numel(), _PIECE)
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(excerpt(name) for name in names[:_NAMED]) + more


def _finite(value: Tensor) -> bool:
    if value.device.type == "meta" or not value.is_floating_point():
        return True
    local = getattr(value, "to_local", None)  # of a tensor that lies over processes: its part here
    flat = (value if local is None else local()).reshape(-1)
    starts = range(0, flat.numel(), _PIECE)
    # The extremes of numbers one of which is NaN are NaN; nothing of the weights' size is made.
    return all(
        bool(torch.isfinite(end))
        for i in starts
        for end in torch.aminmax(_wide(flat[i : i + _PIECE]))
    )


def _wide(piece: Tensor) -> Tensor:
    """fp8 as bfloat16, since torch has no such test of fp8."""
    return piece.to(torch.bfloat16) if piece.itemsize == 1 else piece
