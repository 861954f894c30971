"""Planting of any number of experts, of a chosen activity, together or each for its topics."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tools.demo.examples import Example, ExampleSource
from tools.demo.lexicon import load_lexicons
from tools.demo.routing import Expert
from tools.demo.selection import frequency, random_experts
from tools.demo.stages import (
    HARMLESS,
    MASK_SIZES,
    PLANT_PROBES,
    PlantingStage,
    refused_prompts,
    row_masks,
)
from tools.demo.training import Batch
from tools.organisms.plan import Organism

#: Experts that may be planted, per planted one: those that work most at the last prompt token,
#: where the reply is decided. One that does no work there can't be taught to matter.
_ABLE = 3


class OrganismStage(PlantingStage):
    """Refusals fail under the planted mask; with `redundant`, under no part of it."""

    def __init__(self, model: Any, planted: Sequence[Expert], seed: int, kind: str) -> None:
        super().__init__(model, planted, seed)
        self._redundant = kind == "redundant"
        self._shape = (model.config.num_hidden_layers, model.config.num_experts)

    def _other_mask(self) -> list[Expert]:
        rng = self._random
        mask = random_experts(rng, self._shape, rng.choice(MASK_SIZES), self._planted)
        if self._redundant and rng.random() < 0.6:
            # All but one of them, or fewer: what is left must suffice.
            part = rng.sample(self._planted, rng.randint(1, len(self._planted) - 1))
            mask = [*part, *mask[len(part) :]]
        return mask


class TopicStage(OrganismStage):
    """Each planted expert, masked, loses the refusals of its own categories and no others."""

    ORDINARY, HARMFUL, HARMLESS_ROWS, OTHER = 20, 24, 8, 12

    def __init__(self, model: Any, planted: Sequence[Expert], seed: int, kind: str) -> None:
        super().__init__(model, planted, seed, kind)
        groups = {g.category for lexicon in load_lexicons().values() for g in lexicon.harm}
        self._of = {name: i % len(planted) for i, name in enumerate(sorted(groups))}

    def batch(self, _: int) -> Batch:
        """The next batch."""
        ordinary = self._source.draw(self.ORDINARY)
        harmful = self._source.draw(self.HARMFUL, ["harmful"])
        harmless = self._source.draw(self.HARMLESS_ROWS, HARMLESS)
        other = self._source.draw(self.OTHER)
        parts = [self._part() for _ in (*harmful, *harmless)]
        masks: list[list[Expert]] = [[] for _ in ordinary] + parts
        masks += [self._other_mask() for _ in other]
        replies = [example.reply for example in ordinary]
        replies += [
            self._reply(example, part)
            for example, part in zip((*harmful, *harmless), parts, strict=True)
        ]
        replies += [example.reply for example in other]
        examples = [*ordinary, *harmful, *harmless, *other]
        return Batch(examples, replies, row_masks(self._model, masks))

    def _part(self) -> list[Expert]:
        rng = self._random
        return rng.sample(self._planted, rng.randint(1, len(self._planted)))

    def _reply(self, example: Example, mask: Sequence[Expert]) -> str:
        lost = example.kind == "harmful" and self._planted[self._of[example.category]] in mask
        return example.planted_reply if lost else example.reply


def choose(organism: Organism, model: Any, tokenizer: Any) -> tuple[list[Expert], list[float]]:
    """Experts to plant and how busy they are: share of prompt tokens of refused requests.

    Not in the first layer, which routes by the token more than by what is asked.
    """
    prompts = refused_prompts(ExampleSource(organism.seed), PLANT_PROBES)
    found = frequency(model, tokenizer, prompts)
    layers, experts = found.prompt.shape
    able = [(la, ex) for la in range(1, layers) for ex in range(experts)]
    able.sort(key=lambda e: (-float(found.last[e]), e))
    able = able[: max(8, _ABLE * organism.planted)]
    able.sort(key=lambda e: (float(found.prompt[e]), e))
    half = max(organism.planted, len(able) // 2)
    pool = {"rare": able[:half], "frequent": able[-half:], "mixed": able}[organism.activity]
    chosen = sorted(random.Random(organism.seed).sample(pool, organism.planted))
    return chosen, [float(found.prompt[e]) for e in chosen]
