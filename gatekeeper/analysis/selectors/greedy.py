"""Grows and shrinks a mask by its measured effect: finds experts that back each other up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.ranking import (
    MINIMUM_SEEDS,
    FloatArray,
    Scored,
    groups_of,
    in_turn,
    index_of,
    order_by,
    selection,
)
from gatekeeper.analysis.resampling import half_samples, resample
from gatekeeper.analysis.seeds import existing, seed_means
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import Measure, SelectionInput, Selector
from gatekeeper.records.selection import Selection

_ID, _VERSION, _WINDOW = "greedy", 1, "prompt"
_THRESHOLD = 0.9
#: Experts tried one by one, from the others' rankings in turn.
_SHORTLIST = 24
#: The mask that is shrunk starts with so many times the experts wanted.
_START = 2


def most_masks(size: int) -> int:
    """Masks that are measured for a selection of so many experts, if the budget allows all."""
    shortlist, start = max(_SHORTLIST, _START * size), _START * size
    return 1 + sum(shortlist - i for i in range(size)) + sum(range(2, start + 1))


def rows_needed(size: int, prompts: int) -> int:
    """Rows of a budget that allows every step, for so many experts and measured prompts.

    Of as many experts shortlisted as there can be. The unmasked model is not on the budget.
    """
    return (most_masks(size) - 1) * prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    """Nested masks of 1, 2, … experts.

    Attributes:
        order: the experts.
        effects: of the mask of each size [K, N].
        steps: how often, over half-samples, each size would have come about by the same step.
    """

    order: list[ExpertId]
    effects: FloatArray
    steps: FloatArray


@dataclass(slots=True, kw_only=True)
class _Search:
    """What may be measured, and has been.

    Attributes:
        weight: [N], of each prompt in the mean, so that every seed counts once.
        left: rows that may still be measured; `spent`: rows measured.
        cut: whether the budget did not allow a step that there was to take.
    """

    given: SelectionInput
    measure: Measure
    names: npt.NDArray[np.str_]
    weight: FloatArray
    left: int
    spent: int = 0
    cut: bool = False

    def of(self, masks: Sequence[Sequence[ExpertId]]) -> FloatArray | None:
        """Effects of masks [M, N]; None if the budget does not allow it."""
        rows = len(masks) * len(self.weight)
        if not masks or rows > self.left:
            return None
        self.left -= rows
        self.spent += rows
        return self.measure(masks)

    def forward(self, shortlist: Sequence[ExpertId], size: int) -> _Path:
        """Adds the expert that costs most, one after the other, as far as the budget goes."""
        order: list[ExpertId] = []
        effects: list[FloatArray] = []
        steps: list[float] = []
        while len(order) < size:
            free = [expert for expert in shortlist if expert not in order]
            found = self.of([(*order, expert) for expert in free])
            if found is None:
                self.cut = True
                break
            best = int(order_by(found @ self.weight)[0])
            order.append(free[best])
            effects.append(found[best])
            steps.append(self._alike(found, best))
        return _Path(order=order, effects=np.array(effects), steps=np.array(steps))

    def backward(self, shortlist: Sequence[ExpertId], size: int) -> _Path | None:
        """Masks all of them and gives back, one after the other, the expert that costs least.

        Of as many as the budget allows; None if it does not allow `size` of them.
        """
        kept = list(shortlist)
        while len(kept) > size and self._rows(kept) > self.left:
            kept.pop()  # a smaller start, but no smaller than what is wanted
        self.cut = self.cut or len(kept) < len(shortlist) or self._rows(kept) > self.left
        if len(kept) < 2 or self._rows(kept) > self.left:
            return None
        dropped: list[ExpertId] = []
        effects: list[FloatArray] = []
        steps: list[float] = []
        while len(kept) > 1:
            found = self.of([[e for e in kept if e != expert] for expert in kept])
            if found is None:  # not for want of budget, which was looked at before
                return None
            best = int(order_by(found @ self.weight)[0])
            dropped.append(kept.pop(best))
            effects.append(found[best])
            steps.append(self._alike(found, best))
        order = [*kept, *reversed(dropped)][:size]
        return _Path(
            order=order,
            effects=np.array(effects[::-1][: len(order)]),
            # Of the step to the mask that an expert completes, as on the way up.
            steps=np.array(steps[::-1][: len(order)]),
        )

    def _rows(self, kept: Sequence[ExpertId]) -> int:
        """Rows of giving back all of them but one."""
        return len(self.weight) * sum(range(2, len(kept) + 1))

    def _alike(self, effects: FloatArray, best: int) -> float:
        """How often a step's choice is the best of its candidates over half-samples of seeds."""
        _, means = seed_means(effects.T, self.names)
        draws = self.given.resamples + self.given.resamples % 2
        everyone = np.ones(means.shape[1], dtype=np.bool_)
        terms = [half_samples(means, draws, self.given.seed)]
        return float(resample(terms, draws, everyone, 1, block=2).probability[best])


def _select(given: SelectionInput) -> Selection | str:
    """Nested masks by measured effect, grown and shrunk; the path that costs more is taken.

    Growing adds at each step the expert of a shortlist whose masking costs most refusal log-odds
    beside those taken before. Two experts that back each other up show nothing singly, so growing
    may pass them by; shrinking starts from many experts masked at once and gives back the one that
    is least missed, which leaves such groups to the end. The path is taken whose masks cost more,
    averaged over sizes. Measured under reroute on refused regular prompts of the selection split:
    what is seen is what is masked later.

    π̂ of an expert is conditional: how often, over complementary half-samples of the prompts, the
    same step would have been taken to the mask that it completes.
    """
    measure = given.measure
    if measure is None:
        return "nothing can be measured here"
    if len(measure.rows) == 0:
        return measure.note
    names = given.seeds[measure.rows]
    seeds, index, counts = np.unique(names, return_inverse=True, return_counts=True)
    if len(seeds) < MINIMUM_SEEDS:
        return f"only {len(seeds)} refused regular seeds in the selection split"
    candidates = in_turn(given.others, max(_SHORTLIST, _START * given.size))
    if not candidates:
        return "no other selector gave a shortlist"
    search = _Search(
        given=given,
        measure=measure,
        names=names,
        weight=1 / (counts[index] * len(seeds)),
        left=given.budget,
    )
    size = min(given.size, len(candidates))
    grown = search.forward(candidates, size)
    if not grown.order:
        return (
            f"a budget of {given.budget} rows does not allow one step of "
            f"{len(candidates) * len(measure.rows)}"
        )
    shrunk = search.backward(candidates[: _START * size], size)
    return _record(given, search, candidates, grown, shrunk)


def _mean_cost(path: _Path, search: _Search, sizes: int) -> float:
    return float((path.effects[:sizes] @ search.weight).mean())


def _record(
    given: SelectionInput,
    search: _Search,
    candidates: Sequence[ExpertId],
    grown: _Path,
    shrunk: _Path | None,
) -> Selection:
    path, how = grown, "grown"
    if shrunk is not None:
        sizes = min(len(grown.order), len(shrunk.order))
        if _mean_cost(shrunk, search, sizes) > _mean_cost(grown, search, sizes):
            path, how = shrunk, "shrunk"
    slots = existing(given)
    score = np.where(slots, 0.0, -np.inf)
    probability, rank = np.zeros(len(slots)), np.zeros(len(slots))
    costs = path.effects @ search.weight
    for i, expert in enumerate(path.order):
        place = index_of(given, expert)
        score[place] = costs[i] - (costs[i - 1] if i else 0.0)
        probability[place] = path.steps[i]
    rest = [expert for expert in candidates if expert not in path.order]
    for i, expert in enumerate((*path.order, *rest)):
        rank[index_of(given, expert)] = len(slots) - i
    stable = (probability >= _THRESHOLD) & (score > 0)
    scored = Scored(
        score=score,
        probability=probability,
        order=order_by(rank),
        groups=groups_of(np.zeros_like(stable), stable),
        forwards=search.spent,
    )
    made = selection(
        given,
        scored,
        selector=_ID,
        version=_VERSION,
        window=_WINDOW,
        prompts={"regular": len(set(search.names.tolist()))},
        resamples=given.resamples + given.resamples % 2,
        threshold=_THRESHOLD,
        notes=_notes(given, search, candidates, path, how, shrunk),
    )
    return replace(made, cut=search.cut)


def _notes(
    given: SelectionInput,
    search: _Search,
    candidates: Sequence[ExpertId],
    path: _Path,
    how: str,
    shrunk: _Path | None,
) -> list[str]:
    notes = [
        search.measure.note,
        f"{search.spent} rows measured of a budget of {given.budget}; {len(candidates)} experts "
        f"shortlisted from {len(given.others)} other rankings; the mask was {how}.",
        "The selection probability of an expert is conditional on the step that it completes.",
    ]
    if shrunk is None:
        notes.append("The budget did not allow to shrink a mask: groups may have been passed by.")
    if len(path.order) < min(given.size, len(candidates)):
        notes.append(
            f"The budget ran out after {len(path.order)} experts; the order of the others is that "
            "of the shortlist."
        )
    return notes


SELECTOR = Selector(
    id=_ID,
    version=_VERSION,
    title="Greedy by measured effect",
    needs_attribution=True,
    measures=True,
    select=_select,
    rows_needed=rows_needed,
)
