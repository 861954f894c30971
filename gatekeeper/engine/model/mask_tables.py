"""Turns the masks of a batch, one to each row, into tables on the model's device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gatekeeper.engine.model.sites import RouterSite
from gatekeeper.errors import AuditError
from gatekeeper.records.trial import Mask, split_mode


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTables:
    """Tables of what is done to each expert of each row in a phase; C: the widest router's columns.

    Attributes:
        hidden: bool [B, L, C], kept from the router's choice. Rows that would have no expert left
            in a layer are not in it: softmax over nothing is NaN.
        dead: bool [B, L, C], masked: should it be chosen all the same, its weight is 0.
        factor: float32 [B, L, C] on the gate weight: 0 ablates, 1 leaves alone.
        noise: float32 [B, L, C], standard deviation relative to the expert's own output.
        rerouted, starved, scaled, noisy: [L], whether any row needs it in that layer. `starved`:
            fewer than k experts left.
    """

    hidden: Tensor
    dead: Tensor
    factor: Tensor
    noise: Tensor
    rerouted: tuple[bool, ...]
    starved: tuple[bool, ...]
    scaled: tuple[bool, ...]
    noisy: tuple[bool, ...]

    def select(self, rows: Tensor) -> PhaseTables:
        """The tables of some rows only."""
        return replace(
            self,
            hidden=self.hidden[rows],
            dead=self.dead[rows],
            factor=self.factor[rows],
            noise=self.noise[rows],
        )

    def touches(self, index: int) -> bool:
        """Whether anything happens in layer `index` at all."""
        return self.rerouted[index] or self.scaled[index] or self.noisy[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskTables:
    """The masks of a batch in both phases, and each row's seed for noise, int64 [B]."""

    prefill: PhaseTables
    decode: PhaseTables
    seeds: Tensor

    def select(self, rows: Tensor) -> MaskTables:
        """The tables of some rows only."""
        prefill = self.prefill.select(rows)
        same = self.decode is self.prefill
        decode = prefill if same else self.decode.select(rows)
        return MaskTables(prefill=prefill, decode=decode, seeds=self.seeds[rows])

    def first_layer(self, sites: Sequence[RouterSite]) -> int | None:
        """Decoder layer of the first mask in the batch; None if nothing is masked."""
        for index, site in enumerate(sites):
            if self.prefill.touches(index) or self.decode.touches(index):
                return site.layer
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLines:
    """The masks of many rows, a line of the tables to each mask: it stands in many rows.

    Attributes:
        tables: their seeds say nothing.
        line, seeds: of each row, int64 [N].
    """

    tables: MaskTables
    line: Tensor
    seeds: Tensor

    def of(self, rows: Sequence[int]) -> MaskTables:
        """The tables of some rows, a line to each."""
        index = torch.tensor(rows, dtype=torch.int64, device=self.line.device)
        return replace(self.tables.select(self.line[index]), seeds=self.seeds[index])


def width_of(sites: Sequence[RouterSite]) -> int:
    """Columns of the widest router."""
    return max(site.columns for site in sites)


def mask_tables(
    masks: Sequence[Mask],
    sites: Sequence[RouterSite],
    device: torch.device,
    seeds: Sequence[int] | None = None,
) -> MaskTables | None:
    """The tables of a batch whose rows run under these masks; None if none of them does anything.

    Raises:
        AuditError, UsageError: see `mask_lines`.
    """
    lines = mask_lines(masks, sites, device, seeds)
    return None if lines is None else lines.of(range(len(masks)))


def mask_lines(
    masks: Sequence[Mask],
    sites: Sequence[RouterSite],
    device: torch.device,
    seeds: Sequence[int] | None = None,
) -> MaskLines | None:
    """Tables for rows that run under these masks; None if none of them does anything.

    Args:
        seeds: one per row, for modes with noise; rows without get their number.

    Raises:
        AuditError: a mask names a layer or an expert that the model does not route.
        UsageError: a mask's mode is not one.
    """
    if not any(mask.experts for mask in masks):
        return None
    unlike = {id(mask): mask for mask in masks}
    place = {key: line for line, key in enumerate(unlike)}

    def tables(phase: str) -> PhaseTables:
        active = [(mask, mask.phase in {phase, "both"}) for mask in unlike.values()]
        return _phase(active, sites, device)

    prefill = tables("prefill")
    apart = any(mask.phase != "both" for mask in unlike.values())
    numbers = range(len(masks)) if seeds is None else seeds
    return MaskLines(
        tables=MaskTables(
            prefill=prefill,
            decode=tables("decode") if apart else prefill,
            seeds=torch.zeros(len(unlike), dtype=torch.int64, device=device),
        ),
        line=torch.tensor([place[id(mask)] for mask in masks], device=device),
        seeds=torch.tensor(list(numbers), dtype=torch.int64, device=device),
    )


def _phase(
    masks: Sequence[tuple[Mask, bool]], sites: Sequence[RouterSite], device: torch.device
) -> PhaseTables:
    """The tables of a phase, filled on the host and moved at once: no transfer per step."""
    shape = (len(masks), len(sites), width_of(sites))
    dead, noise = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape)
    factor = torch.ones(shape)
    place = {site.layer: index for index, site in enumerate(sites)}
    for row, (mask, active) in enumerate(masks):
        if not active or not mask.experts:
            continue
        kind, value = split_mode(mask.mode)
        for layer, expert in mask.experts:
            index = place.get(layer)
            if index is None or not 0 <= expert < sites[index].experts_count:
                raise AuditError(f"mask {mask.name!r} holds an expert the model does not route")
            if kind == "reroute":
                dead[row, index, expert] = True
            elif kind == "noise":
                noise[row, index, expert] = value
            else:
                factor[row, index, expert] = value
    remaining = torch.tensor([s.experts_count for s in sites]) - dead.sum(dim=2)
    short = remaining < torch.tensor([s.top_k for s in sites])
    # Where the router may also choose what is no routed expert, that is what remains.
    extra = torch.tensor([s.columns - s.experts_count for s in sites])
    hidden = dead & (remaining + extra > 0)[:, :, None]
    return PhaseTables(
        hidden=hidden.to(device),
        dead=dead.to(device),
        factor=factor.to(device),
        noise=noise.to(device),
        rerouted=_layers(dead),
        starved=_layers(short[:, :, None]),
        scaled=_layers(factor != 1),
        noisy=_layers(noise > 0),
    )


def _layers(table: Tensor) -> tuple[bool, ...]:
    return tuple(bool(flag) for flag in table.transpose(0, 1).flatten(1).any(dim=1))
