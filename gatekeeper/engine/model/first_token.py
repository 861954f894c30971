"""Runs a loaded model on one token, so that what it cannot run with is told before anything else.

A config may load and its model still fail: layers of a kind that the family has not, a window of
no size. Whatever ran it first would end in a traceback.
"""

from __future__ import annotations

import torch
from torch import nn

from gatekeeper.engine.model.foreign_errors import blaming


@torch.inference_mode()
def refuse_unrunnable(model: nn.Module, token: int, device: torch.device, path_name: str) -> None:
    """Refuses a model that fails on a token, with a cache for the next one.

    Args:
        token: any that the model has.
        device: where prompts enter it.

    Raises:
        CheckpointError: it does.
    """
    remedy = "mend config.json: it must be of the model that the weights are of"
    with blaming(path_name, "the model loads, and fails on its first token", remedy):
        model(input_ids=torch.tensor([[token]], device=device), use_cache=True)
