"""Nested masks from a ranking, and random masks matched to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.selection import Selection
from gatekeeper.records.trial import Mask

MODE = "reroute"

#: Calipers tried in turn until enough experts fit: (same layer only, largest ratio of frequencies).
_CALIPERS = ((True, 1.5), (True, 2.0), (False, 1.5), (False, 2.0), (False, 4.0), (False, np.inf))


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
    """Random masks of other experts, each as busy as the one it stands for.

    Each expert of the ranking is replaced by one drawn from the experts of its layer with a like
    activation frequency; where a layer has too few for `count` different draws, other layers
    with a like frequency join, and the caliper widens. Nested in k, like the selected masks.

    Args:
        frequency: [L, E], mean activation frequency on regular prompts of the selection split.
        count: control orders; fewer come back only if the model has too few experts.
        seed: with the selector's name, makes the draw.
    """
    largest = max((k for k in ks if k <= len(selection.ranked)), default=0)
    taken = {ranked.expert for ranked in selection.ranked[:largest]}
    pool = [
        ExpertId(site.layer, expert)
        for site in sites
        for expert in range(site.experts)
        if ExpertId(site.layer, expert) not in taken
    ]
    if len(pool) < largest or not pool:
        return ()
    busy = {
        ExpertId(site.layer, expert): float(frequency[row, expert])
        for row, site in enumerate(sites)
        for expert in range(site.experts)
    }
    name_seed = list(selection.selector.encode())
    generator = np.random.default_rng([seed, *name_seed])
    candidates = [
        _matched(ranked.expert, pool, busy, max(count, largest))
        for ranked in selection.ranked[:largest]
    ]
    masks = []
    for index in range(count):
        order = _draw(candidates, pool, generator)
        masks += [_control(selection.selector, index, order[:k]) for k in ks if k <= largest]
    return tuple(masks)


def _matched(
    expert: ExpertId, pool: Sequence[ExpertId], busy: dict[ExpertId, float], wanted: int
) -> list[ExpertId]:
    """Experts that may stand for `expert`: the tightest caliper that gives enough of them."""
    floor = 1e-4  # below one token in ten thousand experts are alike: nearly never chosen
    target = max(busy[expert], floor)
    found: list[ExpertId] = []
    for same_layer, ratio in _CALIPERS:
        found = [
            other
            for other in pool
            if (not same_layer or other.layer == expert.layer)
            and target / ratio <= max(busy[other], floor) <= target * ratio
        ]
        if len(found) >= wanted:
            return found
    return found


def _draw(
    candidates: Sequence[Sequence[ExpertId]],
    pool: Sequence[ExpertId],
    generator: np.random.Generator,
) -> tuple[ExpertId, ...]:
    """One expert per rank, all different; any free one where the matched ones are used up."""
    order: list[ExpertId] = []
    for options in candidates:
        free = [e for e in options if e not in order] or [e for e in pool if e not in order]
        order.append(free[int(generator.integers(len(free)))])
    return tuple(order)


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
