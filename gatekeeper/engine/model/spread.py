"""A model that no single device holds, spread over all of them, then memory, then disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from gatekeeper.engine.model.host_memory import available_memory


def spreading(offload: Path | None, beside: float = 0.0) -> dict[str, Any]:
    """Arguments by which from_pretrained spreads a model that no single device holds.

    Args:
        beside: bytes of this machine's memory that are left free of weights.
    """
    if offload is None:
        return {}
    offload.mkdir(parents=True, exist_ok=True)
    return {"device_map": "auto", "offload_folder": offload, **_limited(beside)}


def _limited(beside: float) -> dict[str, Any]:
    """Limits that keep it in a control group's memory: it looks at the whole machine's itself."""
    from accelerate.utils import get_max_memory

    most, here = get_max_memory(), available_memory()
    if here is None or (most.get("cpu", 0) <= here and not beside):
        return {}
    room = int(max(0.0, min(0.9 * here, here - beside)))
    # A tenth is kept back, as where it is told nothing.
    return {"max_memory": {name: int(0.9 * most[name]) for name in most} | {"cpu": room}}


def entry(model: Any) -> torch.device:
    """The device where prompts enter a spread model; weights on disk come to the processor."""
    device: torch.device = model.get_input_embeddings().weight.device
    return torch.device("cpu") if device.type == "meta" else device


def bytes_on_disk(model: Any) -> int:
    """Bytes of weights that neither devices nor memory hold: each forward pass reads them."""
    return sum(p.numel() * p.element_size() for p in model.parameters() if p.device.type == "meta")
