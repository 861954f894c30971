"""Whether an environment changes what is selected, beyond what chance does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.environments import parts, phi_of, rows_of
from gatekeeper.records.environment import DIMENSIONS, Change, Environment
from gatekeeper.records.model import MoeSite
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.selection import Selection

#: Random partings that a real one is held against: the lowest of 19 is reached by chance once in
#: 20 (a one-sided permutation test at 5 %).
DRAWS = 19

#: Most resamples for a selection of these: they are many, and only compared with each other.
_RESAMPLES = 100


def part_changes(
    given: SelectionInput,
    values: Mapping[str, npt.NDArray[np.str_]],
    selectors: Sequence[Selector],
) -> tuple[Change, ...]:
    """Per dimension and selector: how alike parts select, and parts of the same sizes at random.

    Seeds are dealt out anew, each with all its prompts, so that parts differ as they would if the
    dimension meant nothing. Held against each other are selection probabilities and not the experts
    ranked first: of two that are near each other either may come first by a hair. A selector that a
    random parting leaves without enough prompts is left out: there is nothing to hold it against.

    Args:
        given: the whole selection split.
        values: per dimension, [P].
        selectors: that only read the profile.
    """
    small = replace(given, resamples=min(given.resamples, _RESAMPLES))
    return tuple(
        change
        for dimension in DIMENSIONS
        if (groups := parts(values[dimension], given.sets, given.seeds))
        for selector in selectors
        for change in _held(small, dimension, values[dimension], groups, selector)
    )


def _held(
    given: SelectionInput,
    dimension: str,
    values: npt.NDArray[np.str_],
    groups: Sequence[Sequence[str]],
    selector: Selector,
) -> Iterator[Change]:
    found = _phi(given, values, groups, selector)
    if found is None:
        return
    generator = np.random.default_rng([given.seed, DRAWS])
    chance = []
    for _ in range(DRAWS):
        value = _phi(given, _dealt(given, values, generator), groups, selector)
        if value is None:
            return
        chance.append(value)
    yield Change(
        dimension=dimension,
        value="",
        selector=selector.id,
        phi=found,
        usual=float(np.mean(chance)),
        low=min(chance),
        draws=DRAWS,
    )


def _dealt(
    given: SelectionInput, values: npt.NDArray[np.str_], generator: np.random.Generator
) -> npt.NDArray[np.str_]:
    """Values dealt out anew among the seeds with regular prompts, and among those without."""
    regular = set(given.seeds[given.sets == "regular"].tolist())
    own: dict[str, str] = {}
    for seed, value in zip(given.seeds.tolist(), values.tolist(), strict=True):
        own.setdefault(seed, value)
    new: dict[str, str] = {}
    for side in (True, False):
        seeds = sorted(seed for seed in own if (seed in regular) is side)
        order = generator.permutation(len(seeds)).tolist()
        new |= {seed: own[seeds[i]] for seed, i in zip(seeds, order, strict=True)}
    return np.array([new[seed] for seed in given.seeds.tolist()], dtype=np.str_)


def _phi(
    given: SelectionInput,
    values: npt.NDArray[np.str_],
    groups: Sequence[Sequence[str]],
    selector: Selector,
) -> float | None:
    row = {site.layer: i for i, site in enumerate(given.profile.sites)}
    width = max(site.experts for site in given.profile.sites)
    probability = np.zeros((len(groups), len(row) * width))
    for part, group in enumerate(groups):
        found = selector.select(rows_of(given, np.isin(values, list(group))))
        if isinstance(found, str):
            return None
        for ranked in found.ranked:
            place = row[ranked.expert.layer] * width + ranked.expert.expert
            probability[part, place] = ranked.probability
    return alike(probability, sum(site.experts for site in given.profile.sites))


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


def variant_changes(
    sites: Sequence[MoeSite], selections: Sequence[Selection], found: Sequence[Environment]
) -> tuple[Change, ...]:
    """Per variant of the model or its prompt: how alike its selection is to the audit's own.

    Both are of the same prompts. They are held against the Φ of resamples of those prompts: below
    its interval, the variant changes more than a redraw of the prompts does. Selections without a Φ
    are left out.
    """
    by_name = {selection.selector: selection for selection in selections}
    changes = []
    for one in found:
        own = by_name.get(one.selector)
        found_alike = phi_of(sites, (one.within, one.without))
        if one.dimension in DIMENSIONS or own is None or own.phi is None or found_alike is None:
            continue
        changes.append(
            Change(
                dimension=one.dimension,
                value=one.name,
                selector=one.selector,
                phi=found_alike.value,
                usual=own.phi.value,
                low=own.phi.interval.low,
                draws=own.phi.resamples,
            )
        )
    return tuple(changes)
