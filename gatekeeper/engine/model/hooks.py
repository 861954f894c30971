"""Hooks on routers and experts: plain module hooks, always detached, nothing patched.

Each of these happens only if asked for:

* *reroute*: masked experts taken out of the router's choice (`reroute.py`);
* *ablate*, *scale*: a factor on an expert's gate weight, per row; also one to take gradients of;
* *noise*: Gaussian, relative to the expert's own output (`noise.py`);
* *counts* and gate weights per row, layer and expert (`expert_counts.py`).

Where a family differs, its file in `architectures/` attaches hooks of its own, which call the same
methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gatekeeper.engine.model.mask_tables import MaskTables, PhaseTables
from gatekeeper.engine.model.noise import combine, normal
from gatekeeper.engine.model.reroute import Reroute
from gatekeeper.engine.model.sites import RouterSite

#: What a forward does: it reads the prompt, or it writes the reply.
PHASES = ("prefill", "decode")


class Recorder(Protocol):
    """Receives every choice of a router: see `expert_counts.Counter`."""

    def add(self, index: int, chosen: Tensor, weights: Tensor) -> None:
        """Selections [N, k] of layer `index` and their gate weights; a choice of -1 is none."""


class Instrument:
    """Attaches to a model's MoE layers for the time of a `with` block.

    Attributes to set between forwards:
        masks: each row's mask, or None.
        phase: `prefill` or `decode`, which of the masks' tables holds.
        positions: int64 [B, T], positions in the sequence; needed for noise.
        counter: what is told of every choice, or None.
        factor: float [B, L, C] on gate weights, to take gradients of; or None.
    """

    def __init__(self, sites: Sequence[RouterSite]) -> None:
        self.sites = tuple(sites)
        self.masks: MaskTables | None = None
        self.phase = "prefill"
        self.positions: Tensor | None = None
        self.counter: Recorder | None = None
        self.factor: Tensor | None = None
        self._half = tuple(_is_half(site.experts) for site in self.sites)
        self._modes: list[Reroute] = []
        self._handles: list[Any] = []
        self._noisy: tuple[Tensor, Tensor, Tensor] | None = None
        self._paused = False

    def __enter__(self) -> Instrument:
        try:
            for index, site in enumerate(self.sites):
                self._handles += site.attach(self, index, site)
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
            self.after_router()
        while self._handles:
            self._handles.pop().remove()

    def forget(self) -> None:
        """Drops what a forward that was broken off (out of memory) has left."""
        self._noisy, self._paused = None, False

    @property
    def tables(self) -> PhaseTables | None:
        """The mask tables of the phase that runs."""
        if self.masks is None:
            return None
        return self.masks.prefill if self.phase == "prefill" else self.masks.decode

    def before_router(self, index: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Keeps masked experts from being chosen until `after_router`."""
        masked = self.hidden(index, _hidden(args, kwargs))
        if masked is None:
            return
        mode = Reroute(masked, self.sites[index].experts_count)
        mode.__enter__()  # type: ignore[no-untyped-call]
        self._modes.append(mode)

    def hidden(self, index: int, states: Tensor) -> Tensor | None:
        """The experts that layer `index` must not choose, bool [N, C] for N tokens of `states`."""
        tables = self.tables
        if tables is None or not tables.rerouted[index]:
            return None
        columns = self.sites[index].columns
        tokens = states.numel() // states.shape[-1]
        return per_token(tables.hidden[:, index, :columns], tokens, states)

    def noisy(self, index: int) -> bool:
        """Whether any row wants noise in layer `index`."""
        return self.tables is not None and self.tables.noisy[index]

    def after_router(self) -> None:
        """Lets the router choose freely again."""
        if self._modes:
            self._modes.pop().__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def before_experts(
        self,
        index: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        counted: Tensor | None = None,
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Hands the experts module its (indices, weights) as the masks want them."""
        if self._paused:
            return None
        chosen, weights = routing_arguments(args, kwargs)
        new = self.routed(index, chosen, weights, counted=counted)
        if self.noisy(index):
            hidden = _hidden(args, kwargs)
            self._noisy = (hidden.reshape(-1, hidden.shape[-1]), *new)
        if new[0] is chosen and new[1] is weights:
            return None
        swap = {id(chosen): new[0], id(weights): new[1]}
        return (
            tuple(swap.get(id(a), a) for a in args),
            {key: swap.get(id(value), value) for key, value in kwargs.items()},
        )

    def routed(
        self, index: int, chosen: Tensor, weights: Tensor, *, counted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Counts what a router chose and applies masks and factors to it.

        Args:
            chosen, weights: [N, k] choices and their gate weights.
            counted: what to count instead of `chosen`, where a family's choices say less.

        Returns:
            Choices and weights as the experts are to get them.
        """
        tables, new, dead = self.tables, weights, None
        choice = chosen if counted is None else counted
        if tables is not None and tables.rerouted[index]:
            # Fewer than k experts left: a masked one fills the slot, with weight 0.
            dead = self._slots(tables.dead, index, choice)
            if tables.starved[index]:
                dead = dead | weights.isnan()
            new = new.masked_fill(dead, 0.0)
        if tables is not None and tables.scaled[index]:
            new = new * self._slots(tables.factor, index, chosen).to(new.dtype)
        if self.factor is not None:
            new = new * self._slots(self.factor, index, chosen).to(new.dtype)
        if self.counter is not None:
            self.counter.add(index, choice if dead is None else choice.masked_fill(dead, -1), new)
        if new is not weights and self._half[index]:
            # An expert that overflows to inf gives 0 * inf = NaN: its slot is given to the
            # token's weightiest expert, with weight 0 as before.
            best = chosen.gather(1, new.argmax(dim=1, keepdim=True))
            if tables is not None:
                # Or, if all its slots have weight 0, to an expert that the row leaves alone.
                spared = ((tables.factor[:, index] != 0) & ~tables.dead[:, index]).int()
                other = per_token(spared.argmax(dim=1, keepdim=True), chosen.shape[0], chosen)
                best = torch.where(new.amax(dim=1, keepdim=True) == 0, other, best)
            chosen = torch.where(new == 0, best, chosen)
        return chosen, new

    def _slots(self, table: Tensor, index: int, chosen: Tensor) -> Tensor:
        """The entries of a table [B, L, C] for what each token chose in layer `index`, [N, k]."""
        return per_token(table[:, index], chosen.shape[0], chosen).gather(1, chosen)

    def after_experts(self, index: int, experts: nn.Module, out: Tensor) -> Tensor | None:
        """Adds noise to what noisy experts gave."""
        if self._noisy is None or self._paused:
            return None
        hidden, chosen, weights = self._noisy
        self._noisy = None

        def own(token: Tensor, expert: Tensor) -> Tensor:
            # Twice, the second time with weight 0: some families take k = 1 for another shape.
            pair = weights.new_tensor([1.0, 0.0]).expand(token.shape[0], 2)
            return self._alone(experts, hidden[token], expert[:, None].repeat(1, 2), pair)

        return self.noise(index, out, chosen, weights, own)

    def _alone(self, experts: nn.Module, *arguments: Tensor) -> Tensor:
        """Runs the experts module once more, unobserved."""
        self._paused = True
        try:
            out: Tensor = experts(*arguments)
        finally:
            self._paused = False
        return out.reshape(arguments[0].shape[0], -1)

    def noise(
        self,
        index: int,
        out: Tensor,
        chosen: Tensor,
        weights: Tensor,
        output_of: Callable[[Tensor, Tensor], Tensor],
    ) -> Tensor | None:
        """The layer's output with noise in the experts that are to have some.

        Noise of an expert on a token is sigma · rms(own output) · N(0, 1) per channel, weighted as
        the output itself. Which slots are noisy is asked from the host: once per noisy layer.

        Args:
            out: the layer's output, N tokens in all.
            output_of: (token [M], expert [M]) -> the experts' own unweighted outputs [M, H].
        """
        tables, masks = self.tables, self.masks
        if tables is None or masks is None or self.positions is None:
            raise RuntimeError("noise needs masks and `positions` to be set for the forward")
        sigma = self._slots(tables.noise, index, chosen)
        token, slot = (sigma > 0).nonzero(as_tuple=True)
        if token.numel() == 0:
            return None
        expert = chosen[token, slot]
        outputs = output_of(token, expert).float()
        tokens = chosen.shape[0] // masks.seeds.shape[0]
        positions = self.positions.to(token.device)[:, -tokens:].reshape(-1)[token]
        seeds = masks.seeds.to(token.device)[token // tokens]
        keys = combine(seeds, self.sites[index].layer, expert, positions)
        scale = sigma[token, slot].to(outputs.dtype) * outputs.pow(2).mean(dim=1).sqrt()
        delta = normal(keys, outputs.shape[1]) * (scale * weights[token, slot].float())[:, None]
        flat = out.reshape(chosen.shape[0], -1)
        return flat.index_add(0, token, delta.to(flat.dtype)).view(out.shape)


def _is_half(experts: nn.Module) -> bool:
    return any(p.dtype == torch.float16 for p in experts.parameters())


def per_token(table: Tensor, tokens: int, like: Tensor) -> Tensor:
    """Repeats each row's line for its tokens, [B, C] -> [N, C], on `like`'s device."""
    return table.to(like.device).repeat_interleave(tokens // table.shape[0], dim=0)


def _hidden(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """The hidden states among a module's arguments: the first floating-point tensor."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor) and value.is_floating_point():
            return value
    raise TypeError("no hidden states among the arguments")


def routing_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The (indices, weights) pair among an experts module's arguments, whatever their names.

    Raises:
        TypeError: there is not exactly one such pair.
    """
    tensors = [v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)]
    indices = [t for t in tensors if t.dtype in {torch.int64, torch.int32} and t.dim() == 2]
    weights = [
        t for t in tensors if indices and t.is_floating_point() and t.shape == indices[0].shape
    ]
    if len(indices) == 1 and len(weights) > 1:
        weights = weights[1:]  # hidden size equals k: the first is the hidden states
    if len(indices) != 1 or len(weights) != 1:
        raise TypeError("experts module was not called with one index and one weight tensor")
    return indices[0], weights[0]
