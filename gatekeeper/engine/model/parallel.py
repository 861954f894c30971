"""A model whose parts lie with several processes, as transformers parts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

#: What may be wrong where a model's part cannot be loaded or run.
PARTED = (
    "check that transformers has a plan for this --parallel of the model, and that its heads and "
    "experts can be divided by the number of processes; or use --device spread"
)


def in_step() -> bool:
    """Whether this process is one of several that hold the model."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def parallel_config(parallel: str) -> Mapping[str, Any]:
    """Arguments by which from_pretrained gives each rank its part of the model.

    Args:
        parallel: `tensor N` (each matrix in N parts) or `expert N` (besides, whole experts), as
            evidence records it.
    """
    from transformers.distributed import DistributedConfig

    kind, size = parallel.split()
    experts = {"ep_size": int(size), "ep_implementation": "all_reduce"} if kind == "expert" else {}
    return {"distributed_config": DistributedConfig(tp_size=int(size), **experts)}


def speak_as_one(model: nn.Module) -> None:
    """Every forward without gradients gives rank 0's logits on all ranks.

    Else a near-tie that tips on one rank alone would end a row there, and the ranks would wait for
    each other in different forwards for ever.
    """

    def take(_module: nn.Module, _args: Any, out: Any) -> Any:
        if not torch.is_grad_enabled():
            out.logits = out.logits.contiguous()
            dist.broadcast(out.logits, src=0)
        return out

    model.register_forward_hook(take)
