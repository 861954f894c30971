"""Whether the weights fit into memory, told before one of them is read.

Without it the kernel ends the process minutes later, and no word is said.
"""

from __future__ import annotations

import math

import torch

from gatekeeper.engine.model.host_memory import available_memory, held_memory
from gatekeeper.errors import AuditError
from gatekeeper.estimate.roofline import Memory
from gatekeeper.records.model import ModelDescription

#: Bytes beside the weights that the smallest audit takes: torch, transformers, one row. At
#: the peak of an audit of the demo, rows one by one, 457 million were measured.
BESIDE = 460_000_000
SPREADING = "--device spread (slower: GPUs, memory and disk together)"
_GB = 1e9


def needed(weights: float, working: float = 0.0) -> Memory:
    """What an audit takes at once: the one sum by which it is refused, and which an estimate tells.

    Args:
        weights: bytes; `working`: those beside them, with what is to be spare.
    """
    return Memory(weights=weights, cache=0.0, logits=0.0, working=working, beside=BESIDE)


def _up(size: float) -> str:
    """Bytes that are needed, in GB: never less than they are."""
    return f"{math.ceil(size / _GB * 10 - 1e-6) / 10:,.1f}"


def _down(size: float) -> str:
    """Bytes that are there, in GB: never more than they are."""
    return f"{math.floor(size / _GB * 10 + 1e-6) / 10:,.1f}"


def weight_bytes(description: ModelDescription, dtype: torch.dtype) -> int:
    """Bytes of all parameters in a format."""
    return description.parameters * torch.empty(0, dtype=dtype).element_size()


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on a device, or None where the system does not tell.

    Of the host, with those that this program holds already of what it takes whatever the model:
    whoever adds what is lacking has enough.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = available_memory()
    return None if free is None else free + min(held_memory(), BESIDE)


def refuse_no_room(
    description: ModelDescription,
    device: torch.device,
    dtype: torch.dtype,
    where: str,
    free: int | None = None,
    working: float = 0.0,
    least: float | None = None,
    fixed: float = 0.0,
    replicas: int = 1,
    spread: str = SPREADING,
) -> None:
    """Refuses weights that the memory which is free on their device does not hold.

    Args:
        where: the checkpoint, for the message.
        free: bytes; None for what there is. Nothing is refused where the system does not tell.
        working: bytes that an audit works in beside them, in this format; `least`: with rows one
            by one, where that is known; `fixed`: however short the prompts are.
        replicas: models that are to be there side by side.
        spread: what to use where weights may lie on disk.

    Raises:
        AuditError: they do not fit; says what would.
    """
    free = free_memory(device) if free is None else free
    alone = needed(weight_bytes(description, dtype), working).total
    if free is None or replicas * alone <= free:
        return
    narrower = torch.bfloat16.itemsize / dtype.itemsize
    halved = weight_bytes(description, torch.bfloat16)
    smaller = replicas * needed(halved, working * narrower).total
    half = narrower < 1 and smaller <= free
    other = "a larger machine, or more of its memory where a limit is set"
    if needed(0.0, working).total <= free:  # weights may lie on disk, nothing else can
        other = f"{spread}, or {other}"
    if device.type == "cuda":
        other = "--device spread, --parallel tensor under torchrun, or a larger GPU"
    if alone <= free:
        other = f"--workers {int(free // alone)}"
    elif least is not None and alone - working + least <= free:
        other = "--batch-rows auto, which takes as many as fit"
    elif needed(weight_bytes(description, dtype), fixed).total <= free and fixed < working:
        other = f"shorter prompts, a smaller --max-new-tokens, {other}"
    beside = f", working memory {working / _GB:,.1f} GB beside them" if working else ""
    times = f" for {replicas} workers" if replicas > 1 else ""
    raise AuditError(
        f"its weights take {weight_bytes(description, dtype) / _GB:,.1f} GB in "
        f"{str(dtype).removeprefix('torch.')}{beside}, {_up(replicas * alone)} GB in "
        f"all{times}, and {_down(free)} GB are free on {device}",
        where=where,
        remedy=f"use --dtype bfloat16 ({_up(smaller)} GB)" if half else f"use {other}",
    )


def refuse_no_work(where: str, working: float, free: int | None = None) -> None:
    """Refuses a model spread over memory and disk whose audit works in more than the memory holds.

    Args:
        where: the checkpoint, for the message.
        working: bytes beside the weights; `free`: None for what there is.

    Raises:
        AuditError: it does; says how much is needed.
    """
    free = free_memory(torch.device("cpu")) if free is None else free
    total = needed(0.0, working).total
    if free is not None and total > free:
        raise AuditError(
            f"an audit of it works in {_up(total)} GB wherever its weights lie, and {_down(free)} "
            "GB are free on cpu",
            where=where,
            remedy="use shorter prompts, a smaller --max-new-tokens, or a larger machine, or more "
            "of its memory where a limit is set",
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
    free = free_memory(torch.device("cpu")) if free is None else free
    alone = needed(weight_bytes(description, dtype), loading).total
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


def lost_while_loading(
    description: ModelDescription, device: torch.device, dtype: torch.dtype, where: str
) -> AuditError:
    """What to say where memory is lost while weights are read: to be made before they are."""
    free = free_memory(device)
    there = "" if free is None else f", and {free / _GB:,.1f} GB were free on {device}"
    half = weight_bytes(description, torch.bfloat16)
    narrower = dtype.itemsize > torch.bfloat16.itemsize
    return AuditError(
        f"memory ran out while its weights were read: they take "
        f"{weight_bytes(description, dtype) / _GB:,.1f} GB in "
        f"{str(dtype).removeprefix('torch.')}, more while experts are joined{there}",
        where=where,
        remedy=f"use --dtype bfloat16 ({half / _GB:,.1f} GB), raise the limit (ulimit -v), or use "
        "a larger machine"
        if narrower
        else "raise the limit (ulimit -v), or use --device spread or a larger machine",
    )
