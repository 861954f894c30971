"""Scores and selection probabilities turned into a `Selection`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.resampling import borderline
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.selection import RankedExpert, Selection

FloatArray = npt.NDArray[np.float64]

#: Fewest seeds a set needs before anything is selected from it.
MINIMUM_SEEDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a selector found, over the flattened L*E experts.

    Attributes:
        score, probability: [L*E]; score -inf where there is no such expert.
        order: indices, most safety-critical first.
        groups: per index, the groups it is stable in; indices left out are in none.
    """

    score: FloatArray
    probability: FloatArray
    order: npt.NDArray[np.intp]
    groups: Mapping[int, tuple[str, ...]]


def order_by(*keys: FloatArray) -> npt.NDArray[np.intp]:
    """Indices by descending keys, the first key first; remaining ties go to the lower index."""
    return np.lexsort([-key for key in reversed(keys)])


def selection(
    given: SelectionInput,
    scored: Scored,
    *,
    selector: str,
    version: int,
    window: str,
    prompts: Mapping[str, int],
    resamples: int,
    threshold: float,
    error_bound: float | None,
    notes: Sequence[str],
) -> Selection:
    """The record, with experts that can't exist left out of the ranking."""
    sites = given.profile.sites
    width = max(site.experts for site in sites)
    near = borderline(scored.probability, threshold, resamples)
    ranked = tuple(
        RankedExpert(
            expert=ExpertId(sites[int(i) // width].layer, int(i) % width),
            score=float(scored.score[i]),
            probability=float(scored.probability[i]),
            groups=scored.groups.get(int(i), ()),
            borderline=bool(near[i]),
        )
        for i in scored.order
        if np.isfinite(scored.score[i])
    )
    return Selection(
        selector=selector,
        version=version,
        window=window,
        ranked=ranked,
        prompts=dict(prompts),
        resamples=resamples,
        size=given.size,
        threshold=threshold,
        seed=given.seed,
        error_bound=error_bound,
        notes=tuple(notes),
    )


def groups_of(
    detection: npt.NDArray[np.bool_], control: npt.NDArray[np.bool_]
) -> dict[int, tuple[str, ...]]:
    """Names of the groups each index is in: HCDG (harm detection), HRCG (response control)."""
    named: dict[int, tuple[str, ...]] = {}
    for i in np.flatnonzero(detection | control):
        names = (("HCDG",) if detection[i] else ()) + (("HRCG",) if control[i] else ())
        named[int(i)] = names
    return named
