"""A probe of one tiny model, and what the invariants compare it with."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gatekeeper.engine.generate.batching import left_padded, positions
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.model.mask_tables import mask_tables, width_of
from gatekeeper.engine.model.sites import RouterSite
from gatekeeper.records.trial import bare_mask
from tests.engine import zoo

#: Largest difference of logits (of order 1) that rounding alone makes in float32.
TOLERANCE = 2e-5

#: Families whose cached decoding differs from recomputing already without any hook of ours.
RECOMPUTES_DIFFERENTLY = {
    "minimax": "transformers' own cached decoding differs from recomputing: compared with generate"
}

#: Settings under which every layer's router chooses, for families where some follow a table.
LEARNED: dict[str, dict[str, Any]] = {"deepseek_v4": {"mlp_layer_types": ["moe"] * 4}}

#: One expert of each of the two groups that the grouped families have.
REMOVED = (1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A batch of three prompts of unlike length on a tiny model."""

    model: Any
    loaded_sites: tuple[RouterSite, ...]
    prompts: tuple[tuple[int, ...], ...]
    ids: Tensor
    attention: Tensor

    @property
    def sites(self) -> tuple[RouterSite, ...]:
        return tuple(site for site in self.loaded_sites if site.routed)

    def instrument(self) -> Instrument:
        return Instrument(self.sites)

    def mask(
        self,
        instrument: Instrument,
        *rows: Sequence[tuple[int, int]],
        mode: str | Sequence[str] = "reroute",
        seeds: Sequence[int] | None = None,
    ) -> None:
        modes = [mode] * len(rows) if isinstance(mode, str) else mode
        masks = [mask(experts, m) for experts, m in zip(rows, modes, strict=True)]
        instrument.masks = mask_tables(masks, self.sites, torch.device("cpu"), seeds)
        instrument.positions = positions(self.attention)

    @torch.inference_mode()
    def logits(self) -> Tensor:
        return self.forward().clone()

    def forward(self) -> Tensor:
        out: Tensor = self.model(
            input_ids=self.ids,
            attention_mask=self.attention,
            position_ids=positions(self.attention),
            use_cache=False,
        ).logits
        return out

    def counter(self, instrument: Instrument) -> Counter:
        counter = Counter(
            self.attention.bool()[None], len(self.sites), width_of(self.sites), gate_weights=True
        )
        instrument.counter = counter
        self.logits()
        instrument.counter = None
        return counter

    def count(self, instrument: Instrument) -> Tensor:
        return self.counter(instrument).counts()[0]

    def busy(self, count: int) -> list[tuple[int, int]]:
        """The busiest experts of each layer, ids as plain numbers."""
        with self.instrument() as instrument:
            counts = self.count(instrument).sum(dim=0)
        found = []
        for i, site in enumerate(self.sites):
            order = counts[i, : site.experts_count].argsort(descending=True, stable=True)
            found += [(site.layer, int(e)) for e in order[:count]]
        return found

    def row(self, row: int) -> Probe:
        """One prompt alone, without padding."""
        return probe_of(self, [self.prompts[row]])

    def hooks(self) -> int:
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in self.model.modules())

    def decode(
        self,
        instrument: Instrument,
        rows: Sequence[Sequence[tuple[int, int]]],
        *,
        tokens: int,
        phase: str = "both",
    ) -> list[Any]:
        masks = [replace(mask(experts), phase=phase) for experts in rows]
        return decode(
            loaded(self),
            instrument,
            self.prompts,
            masks,
            new_tokens=tokens,
            share_prefix=False,
        )

    def gradient(self, instrument: Instrument) -> Tensor:
        shape = (len(self.prompts), len(self.sites), width_of(self.sites))
        with torch.enable_grad():
            factor = torch.ones(shape, requires_grad=True)
            instrument.masks, instrument.factor = None, factor
            value = _score(self.forward())
            (gradient,) = torch.autograd.grad(value.sum(), factor)
        instrument.factor = None
        return gradient

    @torch.inference_mode()
    def score(self, instrument: Instrument, index: int, expert: int, factor: float) -> list[float]:
        shape = (len(self.prompts), len(self.sites), width_of(self.sites))
        table = torch.ones(shape)
        table[:, index, expert] = factor
        instrument.masks, instrument.factor = None, table
        value = _score(self.forward())
        instrument.factor = None
        return [float(v) for v in value]


def _score(logits: Tensor) -> Tensor:
    last = logits[:, -1]
    return last[:, 20:24].logsumexp(dim=-1) - last[:, 30:34].logsumexp(dim=-1)


mask = bare_mask


class _Words:
    """Enough of a tokenizer for the decode loop."""

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        del skip_special_tokens
        return " ".join(map(str, ids))


def loaded(probe: Probe) -> LoadedModel:
    return LoadedModel(
        model=probe.model,
        architecture=architecture_of(probe.model.config.model_type),
        tokenizer=_Words(),
        sites=probe.sites,
        device=torch.device("cpu"),
        dtype=torch.float32,
        end_ids=frozenset({2}),
        pad_id=0,
        context_length=64,
    )


@cache
def probe(family: str, *, learned: bool = False) -> Probe:
    model = zoo.build(family, **(LEARNED.get(family, {}) if learned else {}))
    prompts = [[(7 * i + 13 * j) % 110 + 7 for j in range(4 + 3 * i)] for i in range(3)]
    made = Probe(
        model=model,
        loaded_sites=tuple(architecture_of(family).find(model)),
        prompts=(),
        ids=torch.zeros(1, 1),
        attention=torch.zeros(1, 1),
    )
    return probe_of(made, prompts)


def probe_of(probe: Probe, prompts: Sequence[Sequence[int]]) -> Probe:
    ids, attention = left_padded(prompts, 0, torch.device("cpu"))
    return replace(probe, prompts=tuple(map(tuple, prompts)), ids=ids, attention=attention)


def distance(probe: Probe, a: Tensor, b: Tensor) -> float:
    """Largest difference at valid tokens."""
    valid = probe.attention.bool()
    return float((a[valid] - b[valid]).abs().max())


def row_distance(probe: Probe, row: int, batch: Tensor, alone: Tensor) -> float:
    """The same for one row of a padded batch and its run alone."""
    length = len(probe.prompts[row])
    return float((batch[row, -length:] - alone[-length:]).abs().max())


def is_choice(logits: Tensor, token: int) -> bool:
    """Whether a token is the greedy choice, near-ties aside."""
    return float(logits.max() - logits[token]) < TOLERANCE


@torch.inference_mode()
def without(probe: Probe, family: str, experts: Sequence[int]) -> Tensor:
    """Logits of a model that never had these experts: every tensor cut where it counts experts."""
    count = probe.sites[0].experts_count
    keep = torch.tensor([e for e in range(count) if e not in experts])
    if family == "jetmoe":  # its config counts the experts of its attention with the same number
        return replace(probe, model=_without_jetmoe(probe, keep)).logits()
    smaller = zoo.build(family, experts=count - len(experts), **LEARNED.get(family, {}))
    state = probe.model.state_dict()
    for name, target in smaller.state_dict().items():
        target.copy_(_cut(state[name], target, keep, count))
    return replace(probe, model=smaller).logits()


def _without_jetmoe(probe: Probe, keep: Tensor) -> Any:
    smaller = copy.deepcopy(probe.model)
    for site in probe.sites:
        block = smaller.get_submodule(site.path)
        for linear in (block.input_linear, block.output_linear, block.router.layer):
            linear.weight = torch.nn.Parameter(linear.weight[keep], requires_grad=False)
        block.input_linear.num_experts = block.output_linear.num_experts = len(keep)
        block.router.num_experts = len(keep)
    return smaller


def _cut(source: Tensor, target: Tensor, keep: Tensor, count: int) -> Tensor:
    """`source` without the experts, along the one axis on which it is larger."""
    if source.shape == target.shape:
        return source
    (axis,) = [i for i, (a, b) in enumerate(zip(source.shape, target.shape, strict=True)) if a != b]
    lost = count - len(keep)
    inner = (source.shape[axis] - target.shape[axis]) // lost
    block = count * inner
    parts = source.narrow(axis, 0, block).unflatten(axis, (count, inner)).index_select(axis, keep)
    rest = source.narrow(axis, block, source.shape[axis] - block)
    return torch.cat([parts.flatten(axis, axis + 1), rest], dim=axis)


@contextmanager
def zeroed(probe: Probe, experts: Sequence[tuple[int, int]]) -> Iterator[None]:
    """While open, these experts' down-projections (and their biases) are zero."""
    kept: list[tuple[Tensor, Tensor]] = []
    sites = {site.layer: site for site in probe.sites}
    try:
        for layer, expert in experts:
            site = sites[layer]
            for name, tensor in site.experts.named_parameters():
                if not re.search(r"down|w2|output_linear|^weight$", name):
                    continue
                rows = tensor.shape[0] // site.experts_count
                part = tensor[expert * rows : (expert + 1) * rows]
                kept.append((part, part.clone()))
                part.zero_()
        assert kept
        yield
    finally:
        for part, before in reversed(kept):
            part.copy_(before)
