"""Whether other prompts, frames or formats change which experts are selected, beyond chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.environments import parts, phi_of, rows_of
from gatekeeper.records.environment import DIMENSIONS, Change, Environment
from gatekeeper.records.model import MoeSite
from gatekeeper.records.plugins import SelectionInput, Selector

#: Random partings that a real one is held against: the lowest of 19 is reached by chance once in
#: 20 (a one-sided permutation test at 5 %).
DRAWS = 19

#: Most resamples for a selection of these: they are many, and only compared with each other.
_RESAMPLES = 100


def part_changes(
    inputs: SelectionInput,
    values: Mapping[str, npt.NDArray[np.str_]],
    selectors: Sequence[Selector],
) -> tuple[Change, ...]:
    """Per dimension and selector: how alike parts select, and parts of the same sizes at random.

    Seeds are dealt out anew, each with all its prompts, so that parts differ as they would if the
    dimension meant nothing. Held against each other are selection probabilities and not the experts
    ranked first: of two that are near each other either may come first by a hair. A selector that a
    random parting leaves without enough prompts is left out: there is nothing to hold it against.

    Args:
        inputs: the whole selection split.
        values: per dimension, [P].
        selectors: that only read the profile.
    """
    small = replace(inputs, resamples=min(inputs.resamples, _RESAMPLES))
    return tuple(
        change
        for dimension in DIMENSIONS
        if (groups := parts(values[dimension], inputs.sets, inputs.seeds))
        for selector in selectors
        for change in _held(small, dimension, values[dimension], groups, selector)
    )


def _held(
    inputs: SelectionInput,
    dimension: str,
    values: npt.NDArray[np.str_],
    groups: Sequence[Sequence[str]],
    selector: Selector,
) -> Iterator[Change]:
    actual = _phi(inputs, values, groups, selector)
    if actual is None:
        return
    generator = np.random.default_rng([inputs.seed, DRAWS])
    chance = []
    for _ in range(DRAWS):
        value = _phi(inputs, _dealt(inputs, values, generator), groups, selector)
        if value is None:
            return
        chance.append(value)
    yield Change(
        dimension=dimension,
        value="",
        selector=selector.id,
        phi=actual,
        usual=float(np.mean(chance)),
        low=min(chance),
        draws=DRAWS,
    )


def _dealt(
    inputs: SelectionInput, values: npt.NDArray[np.str_], generator: np.random.Generator
) -> npt.NDArray[np.str_]:
    """Values dealt out anew: among seeds with as many prompts of each set, and within each seed.

    A seed keeps together: all its values go to one other seed, in which those of prompts of one set
    change places (a request and its translation are alike but for the language).
    """
    dealt = values.copy()
    for shape, seeds in _shapes(inputs):
        for to, place in zip(seeds, generator.permutation(len(seeds)).tolist(), strict=True):
            new = values[seeds[place]].copy()
            for name in sorted(set(shape)):
                same = [k for k, of in enumerate(shape) if of == name]
                new[same] = new[generator.permutation(same)]
            dealt[to] = new
    return dealt


def _phi(
    inputs: SelectionInput,
    values: npt.NDArray[np.str_],
    groups: Sequence[Sequence[str]],
    selector: Selector,
) -> float | None:
    row = {site.layer: i for i, site in enumerate(inputs.profile.sites)}
    width = max(site.experts for site in inputs.profile.sites)
    probability = np.zeros((len(groups), len(row) * width))
    for part, group in enumerate(groups):
        inside = np.flatnonzero(np.isin(values, list(group)))
        selection = selector.select(rows_of(inputs, inside)) if len(inside) else "no prompt of it"
        if isinstance(selection, str):
            return None
        for ranked in selection.ranked:
            place = row[ranked.expert.layer] * width + ranked.expert.expert
            probability[part, place] = ranked.probability
    return alike(probability, sum(site.experts for site in inputs.profile.sites))


def alike(probability: npt.NDArray[np.float64], candidates: int) -> float | None:
    """Nogueira's Φ with selection probabilities [M, X] in the place of choices.

    Φ = 1 − mean_f s²_f / (k̄/d (1 − k̄/d)) with s²_f the variance of expert f's probability over the
    M parts, k̄ the mean number of experts selected and d = `candidates`. Choices are the case of
    probabilities 0 and 1 (Nogueira, Sechidis & Brown 2018, equation 4).

    Returns:
        None where it is not defined: fewer than two parts, nothing selected, or everything.
    """
    share = float(probability.sum()) / len(probability) / candidates
    if len(probability) < 2 or not 0 < share < 1:
        return None
    spread = float(probability.var(axis=0, ddof=1).sum()) / candidates
    return 1 - spread / (share * (1 - share))


def redrawn(inputs: SelectionInput, selectors: Sequence[Selector]) -> dict[str, tuple[float, ...]]:
    """Per selector: how alike the experts ranked first are in two redraws of the prompts, Φ.

    Seeds are drawn with replacement, twice for each of `DRAWS` pairs (bootstrap, Efron 1979). A
    selector that cannot choose from a redraw is left out.
    """
    small = replace(inputs, resamples=min(inputs.resamples, _RESAMPLES))
    generator = np.random.default_rng([inputs.seed, DRAWS + 1])
    pairs = [(_redraw(small, generator), _redraw(small, generator)) for _ in range(DRAWS)]
    by_selector = {s.id: [_pair(inputs, one, other, s) for one, other in pairs] for s in selectors}
    return {
        name: tuple(value for value in values if value is not None)
        for name, values in by_selector.items()
        if None not in values
    }


def _pair(
    inputs: SelectionInput, one: SelectionInput, other: SelectionInput, selector: Selector
) -> float | None:
    chosen = [selector.select(side) for side in (one, other)]
    sets = [
        tuple(r.expert for r in side.ranked[: inputs.size])
        for side in chosen
        if not isinstance(side, str)
    ]
    alike_by = phi_of(inputs.profile.sites, sets) if len(sets) == len(chosen) else None
    return None if alike_by is None else alike_by.value


def _redraw(inputs: SelectionInput, generator: np.random.Generator) -> SelectionInput:
    """As many seeds of each shape as there are, with replacement; one drawn twice counts as two."""
    drawn = [
        seeds[i]
        for _, seeds in _shapes(inputs)
        for i in generator.integers(len(seeds), size=len(seeds)).tolist()
    ]
    index = np.array([i for rows in drawn for i in rows], dtype=np.intp)
    names = [f"seed {number}" for number, rows in enumerate(drawn) for _ in rows]
    return replace(rows_of(inputs, index), seeds=np.array(names, dtype=np.str_))


def _shapes(inputs: SelectionInput) -> list[tuple[tuple[str, ...], list[list[int]]]]:
    """Rows of each seed, by set, together with those of all seeds that have the same sets."""
    order = np.lexsort((np.arange(len(inputs.sets)), inputs.sets, inputs.seeds))
    rows: dict[str, list[int]] = {}
    for i in order.tolist():
        rows.setdefault(str(inputs.seeds[i]), []).append(i)
    shapes: dict[tuple[str, ...], list[list[int]]] = {}
    for members in rows.values():
        shapes.setdefault(tuple(inputs.sets[members].tolist()), []).append(members)
    return sorted(shapes.items())


def variant_changes(
    sites: Sequence[MoeSite],
    environments: Sequence[Environment],
    usual: Mapping[str, Sequence[float]],
) -> tuple[Change, ...]:
    """Per variant of the model or its prompt: how alike its selection is to the audit's own.

    Both are of the same prompts. They are held against pairs of redraws of those prompts (`usual`,
    from `redrawn`): below all of them, the variant changes more than other prompts would. Selectors
    without such are left out.
    """
    changes = []
    for env in environments:
        if env.dimension in DIMENSIONS or not usual.get(env.selector):
            continue
        alike_by = phi_of(sites, (env.within, env.without))
        if alike_by is None:
            continue
        chance = usual[env.selector]
        changes.append(
            Change(
                dimension=env.dimension,
                value=env.name,
                selector=env.selector,
                phi=alike_by.value,
                usual=float(np.mean(chance)),
                low=min(chance),
                draws=len(chance),
            )
        )
    return tuple(changes)
