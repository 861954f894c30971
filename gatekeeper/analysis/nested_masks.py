"""Nested masks by their measured effect: grown expert by expert, or shrunk from many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.ranking import FloatArray, order_by
from gatekeeper.analysis.resampling import half_samples, resample
from gatekeeper.analysis.seeds import seed_means
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import Measure, SelectionInput

#: The largest mask that is shrunk has so many times the experts wanted.
START = 2
#: The smallest, where more are wanted.
_LEAST = 4


def starts(size: int, most: int) -> list[int]:
    """Sizes of the masks that are shrunk, largest first, with `most` experts to take them from.

    So many times the size wanted, and every power of two below. A mask so large that it breaks the
    model costs the same whichever expert it gives back, and gives back those that count with the
    others; a smaller one may not break it. Powers of two, so that who wants 16 looks at all that
    who wants 8 looks at.
    """
    largest = min(START * size, most)
    smaller = [1 << i for i in range(largest.bit_length()) if _LEAST <= 1 << i < largest]
    return [n for n in (largest, *reversed(smaller)) if n > 1]


def shrinking(start: int, size: int) -> int:
    """Masks that are measured to shrink one of `start` experts, where `size` are wanted."""
    return sum(range(2, start + 1)) + max(0, size + 1 - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Nested masks of 1, 2, … experts.

    Attributes:
        order: the experts.
        effects: of the mask of each size [K, N].
        steps: how often, over half-samples, each size would have come about by the same step; 0
            where there was nothing to choose.
        start: experts of the mask that was shrunk; None of one that was grown.
    """

    order: list[ExpertId]
    effects: FloatArray
    steps: FloatArray
    start: int | None = None


@dataclass(slots=True, kw_only=True)
class Search:
    """What may be measured, and has been.

    Attributes:
        weight: [N], of each prompt in the mean, so that every seed counts once.
        left: rows that may still be measured; `spent`: rows measured.
        passed: starts that the budget did not allow to shrink.
        cut: whether the budget did not allow a step that there was to take.
    """

    given: SelectionInput
    measure: Measure
    names: npt.NDArray[np.str_]
    weight: FloatArray
    left: int
    spent: int = 0
    passed: list[int] = field(default_factory=list)
    cut: bool = False

    def grow(self, shortlist: Sequence[ExpertId], size: int) -> Path:
        """Adds the expert that costs most, one after the other, as far as the budget goes."""
        order: list[ExpertId] = []
        effects: list[FloatArray] = []
        steps: list[float] = []
        while len(order) < size:
            free = [expert for expert in shortlist if expert not in order]
            if not self._allows(len(free)):
                break
            best, found = self._step([(*order, expert) for expert in free])
            order.append(free[best])
            effects.append(found[best])
            steps.append(self._alike(found, best))
        return Path(order=order, effects=np.array(effects), steps=np.array(steps))

    def shrink(
        self, start: Sequence[ExpertId], size: int, others: Sequence[ExpertId]
    ) -> Path | None:
        """Masks all of `start` and gives back, one after the other, the expert that costs least.

        Args:
            others: what a start below `size` goes on with, in their order.

        Returns:
            Masks of 1 to `size` experts; None if the budget does not allow all of it.
        """
        if not self._allows(shrinking(len(start), size)):
            self.passed.append(len(start))
            return None
        kept, dropped = list(start), list[ExpertId]()
        effects: list[FloatArray] = []
        steps: list[float] = []
        while len(kept) > 1:
            best, found = self._step([[e for e in kept if e != expert] for expert in kept])
            dropped.append(kept.pop(best))
            effects.append(found[best])
            steps.append(self._alike(found, best))
        order = [*kept, *reversed(dropped)]
        order = [*order, *(e for e in others if e not in start)][:size]
        # The start itself, and what it goes on with: nothing was chosen there.
        beyond = [order[:n] for n in range(len(start), len(order) + 1)]
        effects = [*effects[::-1][:size], *(self._measured(beyond) if beyond else ())]
        # Of the step to the mask that an expert completes, as on the way up.
        steps = [*steps[::-1][:size], *(0.0 for _ in beyond)]
        return Path(order=order, effects=np.array(effects), steps=np.array(steps), start=len(start))

    def best(self, paths: Sequence[Path]) -> Path:
        """The path whose masks of 1, 2, 4, … experts cost most on average; of equal ones the first.

        Each doubling counts once, as the gate asks for these sizes. Averaged over all sizes, the
        many large ones hide a path that is better at the few small ones, where a loss weighs most;
        by the largest cost at any size, all paths are alike once so many experts break the model.
        """
        last = min(len(path.order) for path in paths)
        sizes = sorted({last, *(1 << i for i in range(last.bit_length()))})

        def total(path: Path) -> float:
            return sum(float(path.effects[size - 1] @ self.weight) for size in sizes)

        return max(paths, key=total)

    def _allows(self, masks: int) -> bool:
        """Whether the budget does; the search is cut if not."""
        allowed = masks * len(self.weight) <= self.left
        self.cut = self.cut or not allowed
        return allowed

    def _measured(self, masks: Sequence[Sequence[ExpertId]]) -> FloatArray:
        """Effects of masks [M, N], on the budget."""
        rows = len(masks) * len(self.weight)
        self.left -= rows
        self.spent += rows
        return self.measure(masks)

    def _step(self, masks: Sequence[Sequence[ExpertId]]) -> tuple[int, FloatArray]:
        """Which of some masks costs most, and the effects of all."""
        found = self._measured(masks)
        return int(order_by(found @ self.weight)[0]), found

    def _alike(self, effects: FloatArray, best: int) -> float:
        """How often a step's choice is the best of its candidates over half-samples of seeds."""
        _, means = seed_means(effects.T, self.names)
        draws = self.given.resamples + self.given.resamples % 2
        everyone = np.ones(means.shape[1], dtype=np.bool_)
        terms = [half_samples(means, draws, self.given.seed)]
        return float(resample(terms, draws, everyone, 1, block=2).probability[best])
