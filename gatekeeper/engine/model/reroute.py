"""Keeps masked experts from being chosen while a router runs.

The routing projection's masked columns become -inf, and masked candidates are -inf again at top-k,
whose values are then taken from the scores as they were. Both are needed: with a correction bias,
-inf logits alone can still win; at top-k alone, masked mass would stay in a softmax that is not
renormalised. Where experts come in groups and the best groups are chosen first, a group's score is
taken over the experts left in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

NEG_INF = float("-inf")
_LINEAR = {
    torch.nn.functional.linear,
    torch.matmul,
    torch.mm,
    Tensor.matmul,
    Tensor.mm,
    Tensor.__matmul__,
}
TOP_K = {torch.topk, Tensor.topk}


class Reroute(TorchFunctionMode):
    """Active for one forward of one router.

    Args:
        masked: bool [N, C] for the N tokens of this forward and the C columns of the router.
        experts: E; the columns beyond are no routed experts, and never masked.
    """

    def __init__(self, masked: Tensor, experts: int) -> None:
        super().__init__()
        self._masked, self._experts = masked, experts

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in TOP_K:
            return self._top_k(func, args, kwargs)
        result = func(*args, **kwargs)
        if func in _LINEAR and result.shape[-1] == self._masked.shape[-1]:
            return result.masked_fill(self._masked.view(result.shape), NEG_INF)
        return result

    def _top_k(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        scores: Tensor = args[0] if args else kwargs.pop("input")
        width = scores.shape[-1]
        tokens = self._masked.shape[0]
        if scores.numel() == tokens * width and width in {self._experts, self._masked.shape[-1]}:
            masked = self._masked[:, :width].reshape(scores.shape)
            chosen = func(scores.masked_fill(masked, NEG_INF), *args[1:], **kwargs)
            values = scores.gather(-1, chosen.indices)
        elif scores.dim() > 2 and scores.shape[-2] * width == self._experts:
            masked = self._masked[:, : self._experts].reshape(scores.shape)
            chosen = func(scores.masked_fill(masked, NEG_INF), *args[1:], **kwargs)
            # Summed up by the model: what is not left adds nothing, and a group without any
            # expert left is never the best.
            empty = masked.all(dim=-1, keepdim=True)
            values = chosen.values.masked_fill(chosen.values.isneginf() & ~empty, 0.0)
        else:
            return func(scores, *args[1:], **kwargs)
        return torch.return_types.topk((values, chosen.indices))
