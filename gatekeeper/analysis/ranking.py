"""Scores and selection probabilities turned into a `Selection`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.resampling import borderline
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.selection import Phi, RankedExpert, Selection, Sensitivity

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: Fewest seeds a set needs before anything is selected from it.
MINIMUM_SEEDS = 10

#: The rule run anew with so many times N_e and S; as run is left out.
_VARIED = ((0.5, 1.0), (2.0, 1.0), (1.0, 0.25))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a selector found, over the flattened L*E experts.

    Attributes:
        score, probability: [L*E]; score -inf where there is no such expert.
        order: indices, most safety-critical first.
        groups: per index, the groups it is stable in; indices left out are in none.
        phi, error_bound, unimodal_bound, sensitivity, forwards: see `Selection`.
    """

    score: FloatArray
    probability: FloatArray
    order: npt.NDArray[np.intp]
    groups: Mapping[int, tuple[str, ...]]
    phi: Phi | None = None
    error_bound: float | None = None
    unimodal_bound: float | None = None
    sensitivity: tuple[Sensitivity, ...] = field(default=())
    forwards: int = 0


def order_by(*keys: FloatArray) -> npt.NDArray[np.intp]:
    """Indices by descending keys, the first key first; remaining ties go to the lower index."""
    return np.lexsort([-key for key in reversed(keys)])


def selection(
    inputs: SelectionInput,
    scored: Scored,
    *,
    selector: str,
    version: int,
    window: str,
    prompts: Mapping[str, int],
    resamples: int,
    threshold: float,
    notes: Sequence[str],
) -> Selection:
    """The record, with experts that can't exist left out of the ranking."""
    near = borderline(scored.probability, threshold, resamples)
    order = [int(i) for i in scored.order if np.isfinite(scored.score[i])]
    ranked = tuple(
        RankedExpert(
            expert=expert,
            score=float(scored.score[i]),
            probability=float(scored.probability[i]),
            groups=scored.groups.get(i, ()),
            borderline=bool(near[i]),
        )
        for i, expert in zip(order, experts_of(inputs, order), strict=True)
    )
    return Selection(
        selector=selector,
        version=version,
        window=window,
        ranked=ranked,
        prompts=dict(prompts),
        resamples=resamples,
        size=inputs.size,
        threshold=threshold,
        seed=inputs.seed,
        error_bound=scored.error_bound,
        notes=tuple(notes),
        unimodal_bound=scored.unimodal_bound,
        phi=scored.phi,
        sensitivity=scored.sensitivity,
        forwards=scored.forwards,
    )


def in_turn(selections: Sequence[Selection], most: int) -> tuple[ExpertId, ...]:
    """The first of each selection, then the second of each, and so on; none twice."""
    experts: dict[ExpertId, None] = {}
    for rank in range(max((len(s.ranked) for s in selections), default=0)):
        for ranking in selections:
            if len(experts) < most and rank < len(ranking.ranked):
                experts.setdefault(ranking.ranked[rank].expert)
    return tuple(experts)


def experts_of(inputs: SelectionInput, indices: Iterable[int]) -> Iterator[ExpertId]:
    """The experts of flattened indices."""
    layers = [site.layer for site in inputs.profile.sites]
    width = max(site.experts for site in inputs.profile.sites)
    for index in indices:
        yield ExpertId(layers[index // width], index % width)


def index_of(inputs: SelectionInput, expert: ExpertId) -> int:
    """The flattened index of an expert."""
    sites = inputs.profile.sites
    width = max(site.experts for site in sites)
    row = next(i for i, site in enumerate(sites) if site.layer == expert.layer)
    return row * width + expert.expert


def sensitivity(
    inputs: SelectionInput, stable: BoolArray, again: Callable[[int, int], BoolArray]
) -> tuple[Sensitivity, ...]:
    """The rule with other N_e and S than `stable` was found with.

    Args:
        again: (size, resamples) -> which experts are stable then.
    """
    variants = []
    for sizes, draws in _VARIED:
        size = max(1, round(inputs.size * sizes))
        resamples = max(2, round(inputs.resamples * draws))
        if (size, resamples) != (inputs.size, inputs.resamples):
            other = again(size, resamples)
            variants.append(
                Sensitivity(
                    size=size,
                    resamples=resamples,
                    stable=int(other.sum()),
                    shared=int((other & stable).sum()),
                )
            )
    return tuple(variants)


def groups_of(detection: BoolArray, control: BoolArray) -> dict[int, tuple[str, ...]]:
    """Names of the groups each index is in: HCDG (harm detection), HRCG (response control)."""
    named: dict[int, tuple[str, ...]] = {}
    for i in np.flatnonzero(detection | control):
        names = (("HCDG",) if detection[i] else ()) + (("HRCG",) if control[i] else ())
        named[int(i)] = names
    return named
