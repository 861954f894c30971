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
    least: float | None = None,
    replicas: int = 1,
) -> None:
    """Refuses weights that the memory which is free on their device does not hold.

    Args:
        where: the checkpoint, for the message.
        free: bytes; None for what there is. Nothing is refused where the system does not tell.
        working: bytes that an audit works in beside them, in this format; `least`: with rows one
            by one, where that is known.
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
    elif least is not None and alone - working + least <= free:
        other = "--batch-rows auto, which takes as many as fit"
    elif weight_bytes(description, dtype) + BESIDE <= free:
        other = f"shorter prompts, {other}"
    beside = f", working memory {working / _GB:,.1f} GB beside them" if working else ""
    times = f" for {replicas} workers" if replicas > 1 else ""
    raise AuditError(
        f"its weights take {weight_bytes(description, dtype) / _GB:,.1f} GB in "
        f"{str(dtype).removeprefix('torch.')}{beside}, {needed / _GB:,.1f} GB in all{times}, and "
        f"{free / _GB:,.1f} GB are free on {device}",
        where=where,
        remedy=f"use --dtype bfloat16 ({smaller / _GB:,.1f} GB)" if half else f"use {other}",
    )


def refuse_no_passage(
    description: ModelDescription,
    dtype: torch.dtype,
    where: str,
    *,
    loading: float = 0.0,
    replicas: int = 1,
    free: int | None = None,
) -> None:
    """Refuses weights for a GPU that the host's memory, through which they pass, does not hold.

    Args:
        loading: bytes that loading takes beside them; `replicas`: models that load at once.
        free: bytes of the host; None for what there is. Nothing is refused where it is not told.

    Raises:
        AuditError: they do not fit; says what would.
    """
    free = available_memory() if free is None else free
    alone = weight_bytes(description, dtype) + BESIDE + loading
    if free is None or replicas * alone <= free:
        return
    other = "a host with more memory, or --device spread, which loads piece by piece"
    if alone <= free:
        other = f"--workers {int(free // alone)}"
    times = f" for {replicas} workers" if replicas > 1 else ""
    raise AuditError(
        f"its weights pass through the host's memory on their way to the GPU: "
        f"{replicas * alone / _GB:,.1f} GB in {str(dtype).removeprefix('torch.')}{times}, and "
        f"{free / _GB:,.1f} GB are free",
        where=where,
        remedy=f"use {other}",
    )
