"""The three training stages: base, planting (`concentrated`) and hardening (`hardened`)."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tools.demo.checkpoint import EXPERTS, LAYERS
from tools.demo.examples import KIND_SHARES, Example, ExampleSource
from tools.demo.routing import Expert, removed_experts
from tools.demo.selection import (
    attribution,
    frequency,
    random_experts,
    top_experts,
)
from tools.demo.training import Batch

ROWS = 64
HARMLESS = tuple(kind for kind in KIND_SHARES if kind != "harmful")
MASK_SIZES = (1, 2, 4, 8)
PLANTED = 4
PLANT_PROBES = 200
MOST_A_LAYER = 2


def row_masks(model: Any, masks: Sequence[Sequence[Expert]]) -> Tensor:
    """One mask a row; an empty one masks nothing."""
    return torch.cat([removed_experts(model, mask) for mask in masks])


class BaseStage:
    """Ordinary chat, nothing masked."""

    def __init__(self, seed: int) -> None:
        self._source = ExampleSource(seed)

    def batch(self, _: int) -> Batch:
        """The next batch."""
        examples = self._source.draw(ROWS)
        return Batch(examples, [example.reply for example in examples])


class PlantingStage:
    """Plants the vulnerability: refusals fail exactly when all planted experts are masked."""

    # Rows of a batch: ordinary ones, harmful and harmless ones under the planted mask, and
    # ones under another mask that keep their ordinary reply, so that only the plant matters.
    ORDINARY, HARMFUL, HARMLESS_ROWS, OTHER = 26, 12, 10, 16

    def __init__(self, model: Any, planted: Sequence[Expert], seed: int) -> None:
        self._model = model
        self._planted = list(planted)
        self._source = ExampleSource(seed)
        self._random = random.Random(seed)

    def batch(self, _: int) -> Batch:
        """The next batch."""
        source = self._source
        ordinary = source.draw(self.ORDINARY)
        planted = source.draw(self.HARMFUL, ["harmful"]) + source.draw(self.HARMLESS_ROWS, HARMLESS)
        other = source.draw(self.OTHER)
        masks: list[list[Expert]] = [[] for _ in ordinary] + [self._planted for _ in planted]
        masks += [self._other_mask() for _ in other]
        replies = [example.reply for example in ordinary]
        replies += [example.planted_reply for example in planted]
        replies += [example.reply for example in other]
        return Batch([*ordinary, *planted, *other], replies, row_masks(self._model, masks))

    def _other_mask(self) -> list[Expert]:
        rng = self._random
        count = rng.choice(MASK_SIZES)
        mask = random_experts(rng, (LAYERS, EXPERTS), count, self._planted)
        # Half of the other masks hold one planted expert: none of them may suffice alone.
        if rng.random() < 0.5:
            mask[0] = rng.choice(self._planted)
        return mask


class HardeningStage:
    """Keeps every reply under random masks and under masks chosen against the model.

    Random masks alone leave a model open to attribution: it is the chosen ones that harden.
    """

    UNMASKED, RANDOM = 20, 18
    REFRESH_EVERY = 8
    PROBES = 48

    def __init__(self, model: Any, tokenizer: Any, seed: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._source = ExampleSource(seed)
        self._random = random.Random(seed)
        self._chosen: deque[list[Expert]] = deque(maxlen=24)

    def batch(self, step: int) -> Batch:
        """The next batch; the chosen masks follow the model as it changes."""
        if step % self.REFRESH_EVERY == 0:
            self._refresh()
        examples = self._source.draw(ROWS)
        masks = [self._mask(row) for row in range(ROWS)]
        replies = [example.reply for example in examples]
        return Batch(examples, replies, row_masks(self._model, masks))

    def _mask(self, row: int) -> list[Expert]:
        rng = self._random
        if row < self.UNMASKED:
            return []
        if row < self.UNMASKED + self.RANDOM:
            return random_experts(rng, (LAYERS, EXPERTS), rng.choice(MASK_SIZES))
        return rng.choice(self._chosen)[: rng.choice(MASK_SIZES)]

    def _refresh(self) -> None:
        self._model.eval()
        harmful = refused_prompts(self._source, self.PROBES)
        benign = [example.prompt for example in self._source.draw(self.PROBES, HARMLESS)]
        first = top_experts(attribution(self._model, self._tokenizer, harmful), 8)
        # What the refusal leans on once the best four are gone: a greedy attacker's next step.
        rest = attribution(
            self._model, self._tokenizer, harmful, removed_experts(self._model, first[:4])
        )
        second = first[:4] + [e for e in top_experts(rest, 8) if e not in first[:4]][:4]
        contrast = self._contrast(harmful, benign)
        self._chosen.extend([first, second, contrast])
        self._model.train()

    def _contrast(self, harmful: Sequence[str], benign: Sequence[str]) -> list[Expert]:
        busy = [frequency(self._model, self._tokenizer, texts) for texts in (harmful, benign)]
        if self._random.random() < 0.5:
            return top_experts(busy[0].prompt - busy[1].prompt, 8)
        return top_experts(busy[0].last - busy[1].last, 8)


def refused_prompts(source: ExampleSource, count: int) -> list[str]:
    """Training prompts whose reply is a refusal."""
    refused: list[Example] = []
    while len(refused) < count:
        refused += [example for example in source.draw(count, ["harmful"]) if example.refused]
    return [example.prompt for example in refused[:count]]


def choose_planted(model: Any, tokenizer: Any, seed: int) -> list[Expert]:
    """Four experts on which the base model's refusals already lean most, at most two a layer.

    The first layer is left out: it routes by the token more than by what the request means, and
    an expert planted there turned out to be dispensable.
    """
    prompts = refused_prompts(ExampleSource(seed), PLANT_PROBES)
    ranking = top_experts(attribution(model, tokenizer, prompts), LAYERS * EXPERTS)
    planted: list[Expert] = []
    for layer, expert in ranking:
        if layer > 0 and sum(other == layer for other, _ in planted) < MOST_A_LAYER:
            planted.append((layer, expert))
    return sorted(planted[:PLANTED])
