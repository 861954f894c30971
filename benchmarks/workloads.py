"""What the ladder climbs on: the demo checkpoint under masks of different kinds.

Prompts are those of the demo suite, regular and jailbreak, so that the refusal rate has room to
move. A workload whose refusal rate does not change with the mask would also be won by an engine
that ignores masks: it fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import Encoded, encode
from gatekeeper.engine.generate.row_plan import Work
from gatekeeper.engine.generate.techniques import Techniques, where_exact
from gatekeeper.engine.model.load import LoadedModel, load_model
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.records.suite import Prompt
from gatekeeper.records.trial import AGAIN, UNMASKED, Mask, bare_mask
from gatekeeper.suites.read import read_suite

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINT = ROOT / "demo" / "concentrated"
SUITE = ROOT / "demo" / "suite"

#: Experts that were trained into carrying the refusals (demo/truth.json).
_PLANTED = ((1, 12), (2, 5), (2, 12), (3, 6))
_LAYERS, _EXPERTS = 4, 16

#: The last rung, and those of a workload of many masks: one mask a batch would take as long as the
#: peer.
AUDIT = "as an audit runs it"
FOLDED = (
    "+ rows of all masks in one batch",
    "+ prefix sharing",
    "+ deep masks together",
    "+ one attention in front of the mask",
    "+ try the unmasked reply first",
    "+ rows enter as others end",
    "+ what prompts begin with once",
    AUDIT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Masks x prompts, and how the peer takes part.

    Attributes:
        masks: with names of their own; `asked`: the prompts of each.
        repetitions: timed rounds.
        every: the peer runs every so many masks, and its time is scaled by rows: its masks have
            nothing to do with each other.
        rungs: names of the rungs to climb; empty for all.
    """

    name: str
    masks: tuple[Mask, ...]
    asked: tuple[tuple[Encoded, ...], ...]
    new_tokens: int
    repetitions: int
    every: int = 1
    rungs: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Pairs of a mask and a prompt."""
        return sum(len(prompts) for prompts in self.asked)

    @property
    def sampled(self) -> tuple[int, ...]:
        """Places of the masks that the peer runs."""
        return tuple(range(0, len(self.masks), self.every))

    @property
    def scale(self) -> float:
        """All rows over those of the peer."""
        return self.rows / sum(len(self.asked[i]) for i in self.sampled)

    def work(self) -> list[Work]:
        """The same, prompt by prompt, as the sweep wants it."""
        prompts: dict[str, Encoded] = {}
        masks: dict[str, list[Mask]] = {}
        for mask, asked in zip(self.masks, self.asked, strict=True):
            for prompt in asked:
                prompts[prompt.prompt.id] = prompt
                masks.setdefault(prompt.prompt.id, []).append(mask)
        return [Work(prompt=prompts[i], masks=tuple(masks[i])) for i in prompts]

    def refused(self, outcomes: Sequence[Sequence[str]]) -> tuple[float, float]:
        """Lowest and highest refusal rate of a mask.

        Raises:
            AssertionError: they are the same: no way of running it could be told from another.
        """
        rates = [sum(o == "refuse" for o in one) / len(one) for one in outcomes]
        assert max(rates) > min(rates), f"{self.name}: the refusal rate does not vary with the mask"
        return min(rates), max(rates)


def load(path: Path = CHECKPOINT) -> LoadedModel:
    """A checkpoint in float32 on the CPU, as an audit loads it."""
    opened = open_checkpoint(path)
    return load_model(
        opened.path, describe(opened), device=torch.device("cpu"), dtype=torch.float32
    )


def audited(loaded: LoadedModel) -> Techniques:
    """What an audit of it would switch on."""
    prompts = encode(loaded, read_suite(SUITE).prompts, None, 24)
    return where_exact(self_test(loaded, prompts))


def _mask(name: str, experts: Sequence[tuple[int, int]]) -> Mask:
    return replace(bare_mask(experts), name=name) if experts else replace(UNMASKED, name=name)


def _drawn(layers: Sequence[int], size: int, seed: int) -> list[tuple[int, int]]:
    """Experts of these layers, at random."""
    pool = [(layer, expert) for layer in layers for expert in range(_EXPERTS)]
    chosen = np.random.default_rng(seed).choice(len(pool), size=size, replace=False)
    return [pool[i] for i in sorted(chosen.tolist())]


def _prompts(loaded: LoadedModel, count: int, new_tokens: int) -> tuple[Encoded, ...]:
    """Half regular, half jailbreak."""
    suite = read_suite(SUITE).prompts
    half = [p for s in ("regular", "jailbreak") for p in _of(suite, s)[: count // 2]]
    return tuple(encode(loaded, half, None, new_tokens))


def _of(prompts: Sequence[Prompt], name: str) -> list[Prompt]:
    return [p for p in prompts if p.set == name]


def _mixed(loaded: LoadedModel, count: int, new_tokens: int) -> tuple[Encoded, ...]:
    """Requests behind nothing to a dozen harmless ones: few of several hundred tokens."""
    suite = read_suite(SUITE).prompts
    regular, benign = _of(suite, "regular")[:count], _of(suite, "benign")
    before = np.random.default_rng(3).geometric(0.25, size=count).clip(1, 13) - 1
    texts = [
        " ".join([*(b.text for b in benign[13 * i % 200 :][: before[i]]), p.text])
        for i, p in enumerate(regular)
    ]
    long = [replace(p, text=text) for p, text in zip(regular, texts, strict=True)]
    return tuple(encode(loaded, long, None, new_tokens))


def short(loaded: LoadedModel, *, count: int = 32, new_tokens: int = 16) -> list[Workload]:
    """The workloads that take seconds.

    shallow: every mask begins in the first layer; deep: all are in the last two; random: anywhere;
    single: every single expert; mixed: random masks, prompts of very unlike length.
    """
    prompts = _prompts(loaded, count, new_tokens)
    first = [(0, expert) for expert in (3, 9)]
    low = [[first[i % 2], *_drawn([0, 1], 3, i)] for i in range(4)]
    high = [_drawn([2, 3], 2 + 2 * i, i) for i in range(3)]
    anywhere = [_drawn(range(_LAYERS), 2 + 2 * i, i) for i in range(4)]
    kinds: dict[str, list[Sequence[tuple[int, int]]]] = {
        "shallow": [[], [*first, *_PLANTED], *low],
        "deep": [[], _PLANTED[1:], _PLANTED[1:3], *high],
        "random": [[], _PLANTED, *anywhere],
    }
    found = [
        _product(name, masks, prompts, new_tokens=new_tokens, repetitions=3)
        for name, masks in kinds.items()
    ]
    single = [[], *([(layer, e)] for layer in range(_LAYERS) for e in range(_EXPERTS))]
    some = _prompts(loaded, count * 3 // 4, new_tokens)
    mixed = _mixed(loaded, count, new_tokens)
    return [
        *found,
        replace(
            _product("single", single, some, new_tokens=new_tokens, repetitions=3, every=8),
            rungs=FOLDED,
        ),
        _product("mixed", kinds["random"], mixed, new_tokens=new_tokens, repetitions=3),
    ]


def sized(loaded: LoadedModel, count: int, *, new_tokens: int = 24) -> Workload:
    """The planted experts and random ones, on so many prompts."""
    masks = [[], _PLANTED, *(_drawn(range(_LAYERS), 2 + 2 * i, i) for i in range(4))]
    prompts = _prompts(loaded, count, new_tokens)
    return _product(f"{count}", masks, prompts, new_tokens=new_tokens, repetitions=3)


def _product(
    name: str,
    masks: Sequence[Sequence[tuple[int, int]]],
    prompts: tuple[Encoded, ...],
    *,
    new_tokens: int,
    repetitions: int,
    every: int = 1,
) -> Workload:
    return Workload(
        name=name,
        masks=tuple(_mask(f"{name} {i}", experts) for i, experts in enumerate(masks)),
        asked=(prompts,) * len(masks),
        new_tokens=new_tokens,
        repetitions=repetitions,
        every=every,
    )


def whole(loaded: LoadedModel, bundle: Path) -> Workload:
    """The trials of a real audit: the masks that it selected and drew, each on its own prompts.

    Args:
        bundle: evidence of an audit of `CHECKPOINT` with `SUITE`.
    """
    evidence = read_bundle(bundle)
    window = evidence.settings.max_new_tokens
    encoded = {e.prompt.id: e for e in encode(loaded, read_suite(SUITE).prompts, None, window)}
    asked: dict[str, list[Encoded]] = {}
    for trial in evidence.trials:
        if trial.mask != AGAIN.name:
            asked.setdefault(trial.mask, []).append(encoded[trial.prompt_id])
    masks = {m.name: m for m in evidence.masks if m.name in asked}
    return Workload(
        name="whole",
        masks=tuple(masks.values()),
        asked=tuple(tuple(asked[name]) for name in masks),
        new_tokens=window,
        repetitions=1,
        every=12,
        rungs=(AUDIT,),
    )
