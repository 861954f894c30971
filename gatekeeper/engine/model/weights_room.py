"""Whether the weights fit into memory, told before one of them is read.

Without it the kernel ends the process minutes later, and no word is said.
"""

from __future__ import annotations

import torch

from gatekeeper.engine.model.host_memory import available_memory
from gatekeeper.errors import AuditError
from gatekeeper.records.model import ModelDescription

#: Bytes beside the weights that the smallest audit takes: torch, transformers, one row. At
#: the peak of an audit of the demo, rows one by one, 457 million were measured.
BESIDE = 460_000_000
_GB = 1e9


def weight_bytes(description: ModelDescription, dtype: torch.dtype) -> int:
    """Bytes of all parameters in a format."""
    return description.parameters * torch.empty(0, dtype=dtype).element_size()


def refuse_no_room(
    description: ModelDescription,
    device: torch.device,
    dtype: torch.dtype,
    where: str,
    free: int | None = None,
    working: float = 0.0,
    replicas: int = 1,
) -> None:
    """Refuses weights that the memory which is free on their device does not hold.

    Args:
        where: the checkpoint, for the message.
        free: bytes; None for what there is. Nothing is refused where the system does not tell.
        working: bytes that an audit works in beside them, in this format.
        replicas: models that are to be there side by side.

    Raises:
        AuditError: they do not fit; says what would.
    """
    if free is None:
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_memory()
    alone = weight_bytes(description, dtype) + BESIDE + working
    needed = replicas * alone
    if free is None or needed <= free:
        return
    narrower = torch.bfloat16.itemsize / dtype.itemsize
    smaller = replicas * (weight_bytes(description, torch.bfloat16) + BESIDE + working * narrower)
    half = narrower < 1 and smaller <= free
    other = "--device spread (slower: GPUs, memory and disk together), or a larger machine"
    if device.type == "cuda":
        other = "--device spread, --parallel tensor under torchrun, or a larger GPU"
    if alone <= free:
        other = f"--workers {int(free // alone)}"
    elif weight_bytes(description, dtype) + BESIDE <= free:
        other = f"fewer --batch-rows, shorter prompts, {other}"
    beside = f", working memory {working / _GB:,.1f} GB beside them" if working else ""
    times = f" for {replicas} workers" if replicas > 1 else ""
    raise AuditError(
        f"its weights take {weight_bytes(description, dtype) / _GB:,.1f} GB in "
        f"{str(dtype).removeprefix('torch.')}{beside}, {needed / _GB:,.1f} GB in all{times}, and "
        f"{free / _GB:,.1f} GB are free on {device}",
        where=where,
        remedy=f"use --dtype bfloat16 ({smaller / _GB:,.1f} GB)" if half else f"use {other}",
    )
