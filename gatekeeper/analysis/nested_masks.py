"""Nested masks by their measured effect: grown expert by expert, or shrunk from many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.ranking import FloatArray, order_by
from gatekeeper.analysis.resampling import half_samples_of_sets, resample
from gatekeeper.analysis.seeds import seed_means
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import Measure, SelectionInput

#: The largest mask that is shrunk has so many times the experts wanted.
START = 2
#: The smallest, where more are wanted.
_LEAST = 4
#: Experts of which all pairs are tried.
PAIRED = 24
#: Prompts, of all sets, that all pairs are tried on, and pairs of which all prompts are.
_SCREENING, _BEST_PAIRS = 16, 8
_FROM_A_PAIR = "grown from the pair that costs most"


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
    return 1 + sum(range(2, start + 1)) + max(0, size - start)


def paired(shortlist: int, prompts: int) -> int:
    """Rows that are measured to find the pair that costs most, of so many experts.

    All pairs on some prompts, the best few on all of them, and both experts of the best alone.
    """
    few = min(shortlist, PAIRED)
    pairs = few * (few - 1) // 2
    return pairs * _screening(prompts) + (min(pairs, _BEST_PAIRS) + 2) * prompts if pairs else 0


def _screening(prompts: int) -> int:
    return min(prompts, _SCREENING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Nested masks of 1, 2, … experts.

    Attributes:
        order: the experts.
        effects: of the mask of each size [K, N].
        steps: how often, over half-samples, each size would have come about by the same step; 0
            where there was nothing to choose.
        how: it came about, in words.
    """

    order: list[ExpertId]
    effects: FloatArray
    steps: FloatArray
    how: str = "grown"


@dataclass(slots=True, kw_only=True)
class Search:
    """A search for the nested masks that cost most, and what it has measured so far.

    What a mask costs is told of each set of prompts apart: an expert that carries the refusals of
    one set alone must not be lost beside one that costs more in another.

    Attributes:
        names: [N], seed of each prompt.
        sets: per set of prompts, its columns of the N that are measured.
        left: rows that may still be measured; `spent`: rows measured.
        passed: how paths come about that the budget did not allow.
        cut: whether the budget did not allow a step that there was to take.
    """

    inputs: SelectionInput
    measure: Measure
    names: npt.NDArray[np.str_]
    sets: Mapping[str, npt.NDArray[np.intp]]
    left: int
    spent: int = 0
    passed: list[str] = field(default_factory=list)
    cut: bool = False

    def grow(self, shortlist: Sequence[ExpertId], size: int, begun: Path | None = None) -> Path:
        """Adds the expert that costs most beside those before, as far as the budget goes.

        Most in any set: the largest over the sets of what it adds to the mean cost.

        Args:
            begun: the path to go on with.
        """
        order = list(begun.order) if begun else list[ExpertId]()
        effects = list(begun.effects) if begun else list[FloatArray]()
        steps = list(map(float, begun.steps)) if begun else list[float]()
        base = effects[-1] if effects else np.zeros(len(self.names))
        while len(order) < size:
            free = [expert for expert in shortlist if expert not in order]
            if not self._allows(len(free)):
                break
            best, costs, share = self._step([(*order, expert) for expert in free], base, np.maximum)
            order.append(free[best])
            effects.append(base := costs[best])
            steps.append(share)
        how = begun.how if begun else "grown"
        return Path(order=order, effects=np.array(effects), steps=np.array(steps), how=how)

    def best_pair(self, shortlist: Sequence[ExpertId]) -> Path | None:
        """The two experts that cost most together, of all pairs of the first few; to grow from.

        Two that back each other up show nothing singly, and masks of many that they are shrunk from
        may hide them: where larger masks restore refusals, or others bring them back.

        Returns:
            None if there is no pair, or the budget does not allow all of it.
        """
        few = shortlist[:PAIRED]
        if len(few) < 2:
            return None
        columns = np.concatenate(list(self.sets.values()))
        columns = columns[
            np.linspace(0, len(columns) - 1, _screening(len(columns))).astype(np.intp)
        ]
        if paired(len(few), len(self.names)) > self.left:
            self.cut = True
            self.passed.append(_FROM_A_PAIR)
            return None
        pairs = list(combinations(few, 2))
        screened = self._measured(pairs, columns.tolist())
        own = [np.isin(columns, places) for places in self.sets.values()]
        costs = np.array([screened[:, there].mean(axis=1) for there in own if there.any()])
        pairs = [pairs[i] for i in order_by(costs.max(axis=0))[:_BEST_PAIRS]]
        best, found, share = self._step(pairs, np.zeros(len(self.names)), np.maximum)
        alone = self._measured([[expert] for expert in pairs[best]])
        first = int(order_by(self.costs(alone).max(axis=1))[0])
        return Path(
            order=[pairs[best][first], pairs[best][1 - first]],
            effects=np.array([alone[first], found[best]]),
            steps=np.array([0.0, share]),
            how=_FROM_A_PAIR,
        )

    def shrink(
        self, start: Sequence[ExpertId], size: int, others: Sequence[ExpertId]
    ) -> Path | None:
        """Masks all of `start` and gives back, one after the other, the expert that costs least.

        Least in the set where it costs most.

        Args:
            others: what a start below `size` goes on with, in their order.

        Returns:
            Masks of 1 to `size` experts; None if the budget does not allow all of it.
        """
        how = f"shrunk from {len(start)} experts"
        if not self._allows(shrinking(len(start), size)):
            self.passed.append(how)
            return None
        left, dropped = list(start), list[ExpertId]()
        base = at_start = self._measured([left])[0]
        effects: list[FloatArray] = []
        steps: list[float] = []
        while len(left) > 1:
            masks = [[e for e in left if e != expert] for expert in left]
            best, costs, share = self._step(masks, base, np.minimum)
            dropped.append(left.pop(best))
            effects.append(base := costs[best])
            steps.append(share)
        order = [*left, *reversed(dropped)]
        order = [*order, *(e for e in others if e not in start)][:size]
        # The start itself, and what it goes on with: nothing was chosen there.
        beyond = [order[:n] for n in range(len(start) + 1, len(order) + 1)]
        effects = [*effects[::-1], at_start, *(self._measured(beyond) if beyond else ())][:size]
        # Of the step to the mask that an expert completes, as on the way up.
        steps = [*steps[::-1], 0.0, *(0.0 for _ in beyond)][:size]
        return Path(order=order, effects=np.array(effects), steps=np.array(steps), how=how)

    def best(self, paths: Sequence[Path]) -> Path:
        """The path whose masks of 1, 2, 4, … experts cost most on average; of equal ones the first.

        Each doubling counts once, as the gate asks for these sizes. Averaged over all sizes, the
        many large ones hide a path that is better at the few small ones, where a loss weighs most;
        by the largest cost at any size, all paths are alike once so many experts break the model.
        Costs of the sets are added, as a path that is good in both is better than in one; what a
        mask gains in a set does not pay for what it costs in another.
        """
        last = min(len(path.order) for path in paths)
        sizes = sorted({last, *(1 << i for i in range(last.bit_length()))})

        def total(path: Path) -> float:
            costs = self.costs(path.effects[[size - 1 for size in sizes]])
            return float(np.maximum(costs, 0.0).sum())

        return max(paths, key=total)

    def costs(self, effects: FloatArray) -> FloatArray:
        """Mean cost of masks in each set [M, sets], of their effects [M, N]; seeds count once."""
        means = [means.mean(axis=0) for _, means in self._by_seed(effects)]
        return np.stack(means, axis=-1)

    def _by_seed(self, effects: FloatArray) -> list[tuple[list[str], FloatArray]]:
        """The seeds of each set, and their mean effects [S, M]."""
        return [seed_means(effects.T[at], self.names[at]) for at in self.sets.values()]

    def _allows(self, masks: int) -> bool:
        """Whether the budget allows so many more masks; the search counts as cut if not."""
        allowed = masks * len(self.names) <= self.left
        self.cut = self.cut or not allowed
        return allowed

    def _measured(
        self, masks: Sequence[Sequence[ExpertId]], columns: Sequence[int] | None = None
    ) -> FloatArray:
        """Effects of masks [M, N], or on some of the prompts, on the budget."""
        rows = len(masks) * len(self.names if columns is None else columns)
        self.left -= rows
        self.spent += rows
        return self.measure(masks, columns)

    def _step(
        self, masks: Sequence[Sequence[ExpertId]], base: FloatArray, join: np.ufunc
    ) -> tuple[int, FloatArray, float]:
        """Which of some masks costs most, the effects of all, and how sure the choice is.

        Most beyond `base`, the effects of the mask before; `join` is taken over the sets. How sure:
        how often it is the choice over half-samples of seeds.
        """
        effects = self._measured(masks)
        best = int(order_by(join.reduce(self.costs(effects - base), axis=1))[0])
        draws = self.inputs.resamples + self.inputs.resamples % 2
        terms = half_samples_of_sets(self._by_seed(effects - base), draws, self.inputs.seed)
        everyone = np.ones(len(masks), dtype=np.bool_)
        drawn = resample(terms, draws, everyone, 1, block=2, join=join)
        return best, effects, float(drawn.probability[best])
