"""Limits under which a policy would not be loaded: no page may show a verdict for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

from gatekeeper import catalog
from gatekeeper.policy.reach import beyond_any
from gatekeeper.policy.sense import Asked, senseless
from gatekeeper.policy.workbench.grid import Slider
from gatekeeper.records.policy import Policy


def allowed(policy: Policy, slider: Slider) -> list[int]:
    """First and last limit that makes sense by itself.

    Args:
        policy: as loaded, so that its own limits do.
    """
    last = len(slider.values) - 1
    if slider.key in {"between", "max_regression"}:
        return [0, last]

    def sound(index: int) -> bool:
        asked = _asked(slider, index)
        alone = replace(policy, rules=(asked.rule,))
        return not any((*senseless([asked], policy.needs), *beyond_any(alone, [asked])))

    return [edge(sound, slider.start, 0), edge(sound, slider.start, last)]


def edge(holds: Callable[[int], bool], inside: int, end: int) -> int:
    """The last index toward an end that holds, of a run without a gap."""
    if holds(end):
        return end
    while abs(end - inside) > 1:
        middle = (inside + end) // 2
        inside, end = (middle, end) if holds(middle) else (inside, middle)
    return inside


def at_odds(policy: Policy, sliders: tuple[Slider, ...]) -> list[list[Any]]:
    """Pairs of limits that make no sense beside each other: where the first is the smaller one,
    where they are alike, and where it is the larger.
    """
    found: list[list[Any]] = []
    for (i, one), (j, other) in combinations(enumerate(sliders), 2):
        if one.rule.id == other.rule.id:
            found.append([i, j, False, True, True])  # nothing lies between
            continue
        if {one.key, other.key} & {"between", "max_regression"} or not _related(one, other):
            continue
        flags = [_odd(policy, one, other, *places) for places in _PLACES]
        if any(flags):
            found.append([i, j, *flags])
    return found


#: Where two limits stand to each other, in the middle of what they may be.
_PLACES = ((0, 1), (1, 1), (1, 0))


def _odd(policy: Policy, one: Slider, other: Slider, *places: int) -> bool:
    values = sorted({*one.values} & {*other.values})
    middle = len(values) // 3
    limits = [values[middle + place] for place in places]
    asked = [
        _asked(slider, slider.values.index(limit), at)
        for at, (slider, limit) in enumerate(zip((one, other), limits, strict=True))
    ]
    return any(senseless(asked, policy.needs))


def _related(one: Slider, other: Slider) -> bool:
    """Whether the sense of one can hang on the other: the same number, or the noise in it."""
    return one.rule.metric == other.rule.metric or "noise-floor" in {
        one.rule.metric,
        other.rule.metric,
    }


def _asked(slider: Slider, index: int, at: int = 0) -> Asked:
    metric = catalog.load("metric", slider.rule.metric)
    return Asked(slider.at(index), metric, ("rules", at))
