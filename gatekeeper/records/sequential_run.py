"""Masks that were run on as many prompts as their limits took to settle, and on no more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialRun:
    """How far a mask, and the random masks beside it if it is a selected one, were run on a set.

    Attributes:
        selector, k: of the mask; of one beside the selected ones, what it follows instead.
        set: the prompt set.
        prompts: run, the first of the set's order (`analysis.order`); `of`: in the whole set.
        largest: prompts of its largest seed, run or not.
        looks: how often the outcomes were looked at; the last look ended it.
        confidence: of the policy's intervals that the looks asked for; 1 − α.
    """

    selector: str
    k: int
    set: str
    prompts: int
    of: int
    largest: int
    looks: int
    confidence: float

    @property
    def early(self) -> bool:
        """Whether prompts of the set were left out."""
        return self.prompts < self.of
