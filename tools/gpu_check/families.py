"""One tiny random model per way of scoring, on the CPU and on the device."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gatekeeper.engine.generate.batching import left_padded, positions
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.mask_tables import mask_tables, width_of
from gatekeeper.engine.model.sites import RouterSite
from gatekeeper.records.trial import bare_mask
from tests.engine import invariants, zoo
from tools.gpu_check.result import Part

#: Largest difference of logits (of order 1) in float32 without TF32: another order of adding.
TOLERANCE = 1e-4
#: Share of choices that may differ: two experts that score alike to the last bits.
FLIPS = 0.01
_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDevice:
    """A tiny model on one device, with three prompts of unlike length."""

    model: Any
    sites: tuple[RouterSite, ...]
    prompts: tuple[tuple[int, ...], ...]
    device: torch.device

    @torch.inference_mode()
    def logits(self) -> Tensor:
        """Logits of the prompts' own tokens, float64 on the CPU."""
        ids, attention = left_padded(self.prompts, 0, self.device)
        out: Tensor = self.model(
            input_ids=ids,
            attention_mask=attention,
            position_ids=positions(attention),
            use_cache=False,
        ).logits
        return out[attention.bool()].double().cpu()

    def counts(self, instrument: Instrument) -> Tensor:
        """How often each row chose each expert of each layer, int64 [B, L, C] on the CPU."""
        _, attention = left_padded(self.prompts, 0, self.device)
        counter = Counter(
            attention.bool()[None], len(self.sites), width_of(self.sites), gate_weights=False
        )
        instrument.counter = counter
        self.logits()
        instrument.counter = None
        return counter.counts()[0].long().cpu()

    def mask(
        self, instrument: Instrument, rows: Sequence[Sequence[tuple[int, int]]], mode: str
    ) -> None:
        """Masks each row's experts."""
        _, attention = left_padded(self.prompts, 0, self.device)
        masks = [bare_mask(experts, mode) for experts in rows]
        instrument.masks = mask_tables(masks, self.sites, self.device)
        instrument.positions = positions(attention)

    def replies(
        self, instrument: Instrument, rows: Sequence[Sequence[tuple[int, int]]]
    ) -> list[tuple[int, ...]]:
        """Greedy replies under the rows' masks."""
        loaded = replace(invariants.loaded(_probe(self)), device=self.device)
        masks = [bare_mask(experts) for experts in rows]
        done = decode(
            loaded,
            instrument,
            self.prompts,
            masks,
            new_tokens=_TOKENS,
            share_prefix=False,
        )
        return [tuple(one.ids) for one in done]


def _probe(tiny: OnDevice) -> invariants.Probe:
    return invariants.Probe(
        model=tiny.model,
        loaded_sites=tiny.sites,
        prompts=tiny.prompts,
        ids=torch.zeros(1, 1),
        attention=torch.zeros(1, 1),
    )


def on(device: torch.device, family: str) -> OnDevice:
    """A copy of a family's tiny model on a device."""
    probe = invariants.probe(family)
    model = copy.deepcopy(probe.model).to(device)
    sites = tuple(site for site in architecture_of(family).find(model) if site.routed)
    return OnDevice(model=model, sites=sites, prompts=probe.prompts, device=device)


def check(device: torch.device, families: Sequence[str] = zoo.SCORING) -> Part:
    """Holds every family on the device against itself on the CPU."""
    part = Part(name="scoring families")
    for family in families:
        try:
            _family(part, device, family)
        except Exception as error:  # what a family's own kernels raise is a finding, not our end
            kind = type(error).__name__
            part.claim(f"{family}: runs", False, f"{kind}: {str(error).splitlines()[:1]}")
    return part


def _family(part: Part, device: torch.device, family: str) -> None:
    here, there = on(torch.device("cpu"), family), on(device, family)
    with Instrument(here.sites) as cpu, Instrument(there.sites) as other:
        plain, before = here.logits(), there.logits()
        part.claim(f"{family}: logits", *_close(plain, before))
        counted = here.counts(cpu)
        part.claim(f"{family}: counts", *_alike(counted, there.counts(other)))
        busy = _busiest(here, counted)
        rows: list[Sequence[tuple[int, int]]] = [busy, [], busy]
        here.mask(cpu, rows, "reroute")
        there.mask(other, rows, "reroute")
        part.claim(f"{family}: masked logits", *_close(here.logits(), there.logits()))
        masked = there.counts(other)
        chosen = sum(int(masked[row, i, e]) for row in (0, 2) for i, e in _places(there, busy))
        part.claim(f"{family}: masked experts", chosen == 0, f"chosen {chosen} times")
        sums = torch.equal(masked.sum(dim=2), counted.sum(dim=2))
        part.claim(f"{family}: choices a token", sums, "others take their place")
        here.mask(cpu, rows, "ablate")
        there.mask(other, rows, "ablate")
        part.claim(f"{family}: ablated logits", *_close(here.logits(), there.logits()))
        cpu.masks = other.masks = None
        part.claim(
            f"{family}: replies under masks",
            *_same_replies(here.replies(cpu, rows), there.replies(other, rows)),
        )
    after = there.logits()
    part.claim(f"{family}: detached", torch.equal(before, after), "bit-identical logits")


def _busiest(tiny: OnDevice, counted: Tensor) -> list[tuple[int, int]]:
    """The busiest expert of each layer, as (layer, expert)."""
    total = counted.sum(dim=0)
    return [
        (site.layer, int(total[i, : site.experts_count].argmax()))
        for i, site in enumerate(tiny.sites)
    ]


def _places(tiny: OnDevice, experts: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    index = {site.layer: i for i, site in enumerate(tiny.sites)}
    return [(index[layer], expert) for layer, expert in experts]


def _close(expected: Tensor, found: Tensor) -> tuple[bool, str]:
    gap = float((expected - found).abs().max())
    return gap <= TOLERANCE, f"largest difference {gap:.1e}, at most {TOLERANCE:.0e}"


def _alike(expected: Tensor, found: Tensor) -> tuple[bool, str]:
    # A choice that flips is missing at one expert and added at another.
    flipped = int((expected - found).abs().sum()) // 2
    total = int(expected.sum())
    return flipped <= FLIPS * total, f"{flipped} of {total} choices differ"


def _same_replies(
    expected: Sequence[tuple[int, ...]], found: Sequence[tuple[int, ...]]
) -> tuple[bool, str]:
    same = sum(a == b for a, b in zip(expected, found, strict=True))
    return same == len(expected), f"{same} of {len(expected)} equal, {_TOKENS} tokens each"
