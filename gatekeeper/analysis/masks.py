"""Nested masks from a ranking, and random masks to hold them against."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.selection import Selection
from gatekeeper.records.trial import MODE, Mask

#: Experts nearest to what a control still lacks, of which one is drawn: enough to differ by.
_NEAREST = 6
#: What another layer costs, as a distance: as much as being busier or idler by half.
OTHER_LAYER = math.log(1.5)
#: Below one token in ten thousand experts are alike: nearly never chosen.
FLOOR = 1e-4
#: An expert stands in for one at most this many times as busy, or as idle.
_MOST = 2.0


def selected_masks(selection: Selection, ks: Sequence[int]) -> tuple[Mask, ...]:
    """The first k of the ranking for each k: nested, never the best of several."""
    order = tuple(ranked.expert for ranked in selection.ranked)
    return tuple(
        Mask(
            name=f"{selection.selector}-k{k}",
            arm="selected",
            mode=MODE,
            selector=selection.selector,
            k=k,
            control=None,
            experts=order[:k],
        )
        for k in ks
        if k <= len(order)
    )


def control_masks(
    selection: Selection,
    ks: Sequence[int],
    frequency: npt.NDArray[np.float64],
    sites: Sequence[MoeSite],
    *,
    count: int,
    seed: int,
) -> tuple[Mask, ...]:
    """Random masks of other experts, as near in activity to the selected ones as the model has.

    Each expert of the ranking is replaced in turn by one drawn from the few nearest to it in
    activation frequency (by their ratio), of the same layer where it has such. What earlier
    replacements lack or exceed is made up for by later ones, within a factor of two. No two
    controls of one size are the same set of experts. Nested in k, like the selected masks.

    How near they come is a matter of the model: nothing matches the busiest experts of all. See
    `analysis.matching`.

    Args:
        frequency: [L, E], mean activation frequency on regular prompts of the selection split.
        count: controls per size; fewer come back only if the model has no more different ones, and
            none of a size above half of its experts.
        seed: with the selector's name, makes the draw.
    """
    # Of more than half of all experts there are no others as many.
    most = min(len(selection.ranked), sum(site.experts for site in sites) // 2)
    sizes = sorted({k for k in ks if k <= most})
    ranked = [entry.expert for entry in selection.ranked[: max(sizes, default=0)]]
    draw = _Draw(ranked, frequency, sites, sizes)
    if not ranked:
        return ()
    generator = np.random.default_rng([seed, *selection.selector.encode()])
    masks: list[Mask] = []
    for index in range(count):
        order, fresh = draw.one(generator)
        masks += [_control(selection.selector, index, order[:k]) for k in fresh]
    return tuple(masks)


class _Draw:
    """Draws control orders for one ranking, and remembers which sets are taken."""

    def __init__(
        self,
        ranked: Sequence[ExpertId],
        frequency: npt.NDArray[np.float64],
        sites: Sequence[MoeSite],
        sizes: Sequence[int],
    ) -> None:
        busy = {
            ExpertId(site.layer, expert): float(frequency[row, expert])
            for row, site in enumerate(sites)
            for expert in range(site.experts)
        }
        self.pool = [expert for expert in busy if expert not in set(ranked)]
        self._ranked = ranked
        self._busy = busy
        self._layers = np.array([expert.layer for expert in self.pool])
        self._logs = np.log(np.maximum([busy[expert] for expert in self.pool], FLOOR))
        self._taken: dict[int, set[frozenset[ExpertId]]] = {k: set() for k in sizes}

    def one(self, generator: np.random.Generator) -> tuple[tuple[ExpertId, ...], list[int]]:
        """One order of experts, and the sizes at which it is a set that was not there before."""
        order: list[ExpertId] = []
        fresh: list[int] = []
        lacking = 0.0
        for size, expert in enumerate(self._ranked, start=1):
            target = min(max(self._busy[expert] + lacking, 0.0), _MOST * self._busy[expert])
            target = max(target, self._busy[expert] / _MOST)
            near = self._near(expert.layer, target, order, size)
            order.append(near[int(generator.integers(len(near)))])
            lacking += self._busy[expert] - self._busy[order[-1]]
            chosen = frozenset(order)
            if size in self._taken and chosen not in self._taken[size]:
                self._taken[size].add(chosen)
                fresh.append(size)
        return tuple(order), fresh

    def _near(
        self, layer: int, target: float, order: Sequence[ExpertId], size: int
    ) -> list[ExpertId]:
        """The few experts nearest to a target, of those that make a set not taken if there are."""
        distance = np.abs(self._logs - math.log(max(target, FLOOR)))
        distance += np.where(self._layers == layer, 0.0, OTHER_LAYER)
        taken, used = self._taken.get(size, set()), set(order)
        near: list[ExpertId] = []
        stale: list[ExpertId] = []
        for place in np.argsort(distance, kind="stable"):
            expert = self.pool[place]
            if expert in used:
                continue
            (stale if frozenset((*order, expert)) in taken else near).append(expert)
            if len(near) == _NEAREST:
                break
        return near or stale


def _control(selector: str, index: int, experts: tuple[ExpertId, ...]) -> Mask:
    k = len(experts)
    return Mask(
        name=f"{selector}-k{k}-control-{index:02d}",
        arm="control",
        mode=MODE,
        selector=selector,
        k=k,
        control=index,
        experts=experts,
    )
