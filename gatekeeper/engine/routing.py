"""Hooks on routers and experts: plain module hooks, always detached, nothing patched.

Three things happen, each only if asked for:

* `mask`: experts taken out of the router's choice (*reroute*). The routing projection's masked
  columns become -inf, and masked candidates are -inf again at top-k, whose values are then taken
  from the scores as they were. Both are needed: with a correction bias, -inf logits alone can
  still win; at top-k alone, masked mass would stay in a softmax that is not renormalised.
* `counts`: how often each expert was chosen, per row.
* `factor`: a factor on each expert's gate weight, per row, for gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gatekeeper.engine.architectures.default import RouterSite

_NEG_INF = float("-inf")
_LINEAR = {torch.nn.functional.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__}
_TOP_K = {torch.topk, Tensor.topk}


class _Reroute(TorchFunctionMode):
    """While a router runs: masked experts can't be chosen.

    Args:
        masked: bool [N, E] for the N tokens of this forward.
    """

    def __init__(self, masked: Tensor) -> None:
        super().__init__()
        self._masked = masked

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _TOP_K and args[0].shape[-1] == self._masked.shape[-1]:
            scores = args[0]
            masked = self._masked.view(scores.shape)
            chosen = func(scores.masked_fill(masked, _NEG_INF), *args[1:], **kwargs)
            values = scores.gather(-1, chosen.indices)
            return torch.return_types.topk((values, chosen.indices))
        result = func(*args, **kwargs)
        if func in _LINEAR and result.shape[-1] == self._masked.shape[-1]:
            return result.masked_fill(self._masked.view(result.shape), _NEG_INF)
        return result


class Instrument:
    """Attaches to a model's MoE layers for the time of a `with` block.

    Attributes to set between forwards:
        mask: bool [B, L, E] on the model's device, or None.
        counts: int64 [W, B, L, E] to add selections to, for W token windows; or None.
        factor: float [B, L, E], or None.
        valid: bool [W, B, T], which tokens each window counts; needed for `counts`.
    """

    def __init__(self, sites: Sequence[RouterSite]) -> None:
        self.sites = tuple(sites)
        self.mask: Tensor | None = None
        self.counts: Tensor | None = None
        self.factor: Tensor | None = None
        self.valid: Tensor | None = None
        self._layers_masked: list[bool] = []
        self._modes: list[_Reroute] = []
        self._handles: list[Any] = []

    def __enter__(self) -> Instrument:
        try:
            for index, site in enumerate(self.sites):
                self._attach(index, site.router, site.experts)
        except BaseException:
            self.detach()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.detach()

    def detach(self) -> None:
        """Removes every hook and leaves any router mode an exception left open."""
        while self._modes:
            self._modes.pop().__exit__(None, None, None)  # type: ignore[no-untyped-call]
        while self._handles:
            self._handles.pop().remove()

    def set_mask(self, mask: Tensor | None) -> None:
        """Sets the mask [B, L, E]; layers without any masked expert are left alone."""
        self.mask = mask
        # One transfer per mask, not one per layer and step.
        self._layers_masked = [] if mask is None else mask.any(dim=2).any(dim=0).tolist()

    def first_masked_layer(self) -> int | None:
        """Decoder layer of the first mask in the batch; None if nothing is masked."""
        masked = (
            site.layer
            for site, any_row in zip(self.sites, self._layers_masked, strict=False)
            if any_row
        )
        return next(masked, None)

    def _attach(self, index: int, router: nn.Module, experts: nn.Module) -> None:
        self._handles += [
            router.register_forward_pre_hook(lambda _m, args: self._before_router(index, args)),
            router.register_forward_hook(
                lambda _m, _args, out: self._after_router(index, out), always_call=True
            ),
            experts.register_forward_pre_hook(
                lambda _m, args, kwargs: self._before_experts(index, args, kwargs),
                with_kwargs=True,
            ),
        ]

    def _per_token(self, table: Tensor, tokens: int) -> Tensor:
        """[B, E] -> [N, E]: rows of a batch are contiguous runs of tokens."""
        return table.repeat_interleave(tokens // table.shape[0], dim=0)

    def _before_router(self, index: int, args: tuple[Any, ...]) -> None:
        if self.mask is None or not self._layers_masked[index]:
            return
        hidden = args[0]
        tokens = hidden.numel() // hidden.shape[-1]
        masked = self._per_token(self.mask[:, index, : self.sites[index].experts_count], tokens)
        # A layer with every expert masked would give softmax(-inf, …) = NaN. It is left to choose,
        # and the weights of what it chose are set to 0 below.
        masked = masked & ~masked.all(dim=-1, keepdim=True)
        mode = _Reroute(masked.to(hidden.device))
        mode.__enter__()  # type: ignore[no-untyped-call]
        self._modes.append(mode)

    def _after_router(self, _index: int, _out: Any) -> None:
        if self._modes:
            self._modes.pop().__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def _before_experts(
        self, index: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        chosen, weights = _routing_arguments(args, kwargs)
        if self.counts is not None:
            self._count(index, chosen)
        new = weights
        if self.mask is not None and self._layers_masked[index]:
            # Fewer than k experts left: a masked one fills the slot, with weight 0.
            masked = self._per_token(self.mask[:, index], chosen.shape[0])
            new = new.masked_fill(masked.gather(1, chosen), 0.0)
        if self.factor is not None:
            factor = self._per_token(self.factor[:, index], chosen.shape[0])
            new = new * factor.gather(1, chosen).to(new.dtype)
        if new is weights:
            return None
        args = tuple(new if a is weights else a for a in args)
        return args, {k: new if v is weights else v for k, v in kwargs.items()}

    def _count(self, index: int, chosen: Tensor) -> None:
        if self.counts is None or self.valid is None:
            raise RuntimeError("counts need `valid` to be set for the forward")
        windows, rows, _, width = self.counts.shape
        row = torch.arange(rows, device=chosen.device).repeat_interleave(chosen.shape[0] // rows)
        slot = (row[:, None] * width + chosen).reshape(-1)
        weight = self.valid.reshape(windows, -1, 1).expand(-1, -1, chosen.shape[1])
        added = self.counts.new_zeros(windows, rows * width)
        added.index_add_(1, slot, weight.reshape(windows, -1).to(added.dtype))
        self.counts[:, :, index] += added.view(windows, rows, width)


def _routing_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The (indices, weights) pair among an experts module's arguments, whatever their names."""
    tensors = [v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)]
    indices = [t for t in tensors if t.dtype in {torch.int64, torch.int32} and t.dim() == 2]
    weights = [
        t for t in tensors if indices and t.is_floating_point() and t.shape == indices[0].shape
    ]
    if len(indices) != 1 or len(weights) != 1:
        raise TypeError("experts module was not called with one index and one weight tensor")
    return indices[0], weights[0]


def mask_table(masks: Sequence[Sequence[tuple[int, int]]], sites: Sequence[RouterSite]) -> Tensor:
    """Masks as (layer, expert) lists -> bool [B, L, E].

    Raises:
        KeyError: a mask names a layer without experts.
    """
    row_of = {site.layer: i for i, site in enumerate(sites)}
    table = torch.zeros(len(masks), len(sites), max(s.experts_count for s in sites)).bool()
    for row, experts in enumerate(masks):
        for layer, expert in experts:
            table[row, row_of[layer], expert] = True
    return table
