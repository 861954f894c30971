"""Divides the selection prompts by what they are about, and selects experts from each part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.folds import views
from gatekeeper.analysis.outcomes import OutcomeTable
from gatekeeper.analysis.ranking import MINIMUM_SEEDS
from gatekeeper.analysis.resampling import Resampled
from gatekeeper.analysis.stability import phi
from gatekeeper.records.environment import DIMENSIONS, VARIANTS, Environment, prompt_name
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.selection import Phi
from gatekeeper.records.trial import UNMASKED, Mask

#: Most parts of a dimension: each is measured on its own prompts only, so more would say less.
_MOST = 6


def parts(
    values: npt.NDArray[np.str_], sets: npt.NDArray[np.str_], seeds: npt.NDArray[np.str_]
) -> tuple[tuple[str, ...], ...]:
    """Values grouped so that every group has enough regular seeds to select from.

    The rarest values are put together until they have; values of no regular prompt are left out.
    With fewer than two groups there is nothing to compare, and none are returned.

    Args:
        values, sets, seeds: [P], of each prompt of the selection split.
    """
    regular = sets == "regular"
    by_value = {str(v): set(seeds[regular & (values == v)].tolist()) for v in np.unique(values)}
    by_value = {value: members for value, members in by_value.items() if members}
    total = len(set().union(*by_value.values()))
    least = max(MINIMUM_SEEDS, -(-total // _MOST))
    groups: list[tuple[str, ...]] = []
    open_group: list[str] = []
    for value in sorted(by_value, key=lambda v: (len(by_value[v]), v)):
        open_group.append(value)
        # A seed with prompts of several values counts once.
        if len(set().union(*(by_value[v] for v in open_group))) >= least:
            groups.append(tuple(sorted(open_group)))
            open_group = []
    if open_group and groups:
        groups[-1] = tuple(sorted((*groups[-1], *open_group)))
    return tuple(groups) if len(groups) > 1 else ()


def environments(
    inputs: SelectionInput,
    values: Mapping[str, npt.NDArray[np.str_]],
    selectors: Sequence[Selector],
) -> tuple[Environment, ...]:
    """The experts that each selector selects within each part, and from all prompts but it.

    Args:
        inputs: the whole selection split.
        values: per dimension, [P].
        selectors: that only read the profile.
    """
    return tuple(_environments(inputs, values, selectors))


def _environments(
    inputs: SelectionInput,
    values: Mapping[str, npt.NDArray[np.str_]],
    selectors: Sequence[Selector],
) -> Iterator[Environment]:
    for dimension in DIMENSIONS:
        for group in parts(values[dimension], inputs.sets, inputs.seeds):
            inside = np.isin(values[dimension], group)
            outside = _as_many(inputs, inside)
            for selector in selectors:
                within, without = (
                    selector.select(rows_of(inputs, np.flatnonzero(side)))
                    for side in (inside, outside)
                )
                if isinstance(within, str) or isinstance(without, str):
                    continue  # too few of its prompts to be compared
                yield Environment(
                    dimension=dimension,
                    values=group,
                    selector=selector.id,
                    within=tuple(r.expert for r in within.ranked[: inputs.size]),
                    without=tuple(r.expert for r in without.ranked[: inputs.size]),
                    seeds=_regular_seeds(inputs, inside),
                    others=_regular_seeds(inputs, outside),
                )


def _as_many(inputs: SelectionInput, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Rows of the other parts, of no more regular seeds than there are inside.

    More of them would select better and cost more for that reason alone, which would hide what does
    not transfer. Drawn by seed.
    """
    regular = inputs.sets == "regular"
    others = sorted(set(inputs.seeds[~inside & regular].tolist()))
    count = min(len(others), _regular_seeds(inputs, inside))
    drawn = np.random.default_rng([inputs.seed, count]).permutation(len(others))[:count]
    dropped = set(others) - {others[i] for i in drawn}
    outside: npt.NDArray[np.bool_] = ~inside & ~np.isin(inputs.seeds, sorted(dropped))
    return outside


def _regular_seeds(inputs: SelectionInput, rows: npt.NDArray[np.bool_]) -> int:
    return len(set(inputs.seeds[rows & (inputs.sets == "regular")].tolist()))


def rows_of(inputs: SelectionInput, rows: npt.NDArray[np.intp]) -> SelectionInput:
    """The input with some prompts only, in the order of `rows`; one may be there twice."""
    profile = inputs.profile
    part = replace(
        profile,
        prompt_ids=tuple(profile.prompt_ids[i] for i in rows.tolist()),
        counts={w: a[rows] for w, a in profile.counts.items()},
        weights={w: a[rows] for w, a in profile.weights.items()},
        tokens={w: a[rows] for w, a in profile.tokens.items()},
        attribution=None if profile.attribution is None else profile.attribution[rows],
    )
    return replace(
        inputs,
        profile=part,
        sets=inputs.sets[rows],
        seeds=inputs.seeds[rows],
        parts=tuple(of[rows] for of in inputs.parts),
    )


def environment_masks(
    selected: Sequence[Environment], *, mode: str, phase: str
) -> tuple[tuple[Environment, Mask, Mask], ...]:
    """Each environment with its mask within and its mask without.

    The prompts of a variant are run without a mask too: see `unmasked_within`.
    """
    places: dict[tuple[str, str], int] = {}
    masks = []
    for env in selected:
        place = places[env.selector, env.dimension] = (
            places.get((env.selector, env.dimension), -1) + 1
        )
        label = str(place + 1) if env.dimension in DIMENSIONS else env.name
        stem = f"{env.selector}-{env.dimension.replace(' ', '-')}-{label}"
        masks.append(
            (
                env,
                _mask(f"{stem}-within", env.selector, env.within, mode, phase),
                _mask(f"{stem}-without", env.selector, env.without, mode, phase),
            )
        )
    return tuple(masks)


def untold_parts(evidence: Evidence) -> tuple[str, ...]:
    """Dimensions that the suite was to be parted by, and that have no two parts to select from."""
    if not evidence.settings.environments:
        return ()
    there = {e.dimension for e in evidence.environments}
    return tuple(name for name in DIMENSIONS if name not in there)


def absent_variants(evidence: Evidence, selector: str, dimension: str) -> tuple[str, ...]:
    """Names of the variants that were asked for and in which a selector has no selection.

    Under cross-fitting a variant lacks if either fold does.
    """
    there = [
        {e.name for e in view.environments if e.selector == selector} for view in views(evidence)
    ]
    return tuple(
        name for name in variant_names(evidence, dimension) if not all(name in t for t in there)
    )


def variant_names(evidence: Evidence, dimension: str) -> tuple[str, ...]:
    """Names of the variants that an audit was asked for."""
    settings = evidence.settings
    if dimension == "format":
        return settings.formats
    return tuple(prompt_name(digest) for digest in settings.system_prompts)


def unmasked_within(environment: Environment) -> Mask:
    """The arm without experts taken out that masks of an environment are held against."""
    if environment.dimension in DIMENSIONS:
        return UNMASKED
    return replace(
        UNMASKED,
        name=f"unmasked-{environment.dimension.replace(' ', '-')}-{environment.name}",
        arm="environment",
    )


def measured_rows(
    evidence: Evidence, table: OutcomeTable, environment: Environment
) -> npt.NDArray[np.intp]:
    """Measured regular prompts of an environment, as columns of the table; of a variant all."""
    regular = table.sets == "regular"
    if environment.dimension in VARIANTS:
        return np.flatnonzero(regular)
    value = {p.id: getattr(p, environment.dimension) for p in evidence.suite.prompts}
    inside = np.array([value[i] in environment.values for i in table.prompts], dtype=np.bool_)
    return np.flatnonzero(regular & inside)


def environment_arms(selected: Sequence[Environment], *, mode: str, phase: str) -> tuple[Mask, ...]:
    """All masks that environments add to an audit, each once."""
    pairs = environment_masks(selected, mode=mode, phase=phase)
    arms = [mask for environment, *pair in pairs for mask in (unmasked_within(environment), *pair)]
    return tuple(dict.fromkeys(mask for mask in arms if mask != UNMASKED))


def _mask(name: str, selector: str, experts: tuple[ExpertId, ...], mode: str, phase: str) -> Mask:
    return Mask(
        name=name,
        arm="environment",
        mode=mode,
        phase=phase,
        selector=selector,
        k=len(experts),
        control=None,
        experts=experts,
    )


def phi_across(evidence: Evidence, selector: str, dimension: str) -> Phi | None:
    """Nogueira's Φ over the choices within the parts of a dimension, or of variants and audit."""
    same = [e for e in evidence.environments if e.selector == selector and e.dimension == dimension]
    chosen = [e.within for e in same]
    if same and dimension not in DIMENSIONS:
        chosen.append(same[0].without)
    return phi_of(evidence.model.maskable_sites, chosen)


def phi_of(sites: Sequence[MoeSite], chosen: Sequence[Sequence[ExpertId]]) -> Phi | None:
    """Nogueira's Φ over sets of experts; None where they are of unlike size, or fewer than two."""
    width = max((site.experts for site in sites), default=0)
    row = {site.layer: i for i, site in enumerate(sites)}
    if len({len(experts) for experts in chosen}) != 1:
        return None
    flat = [sorted(row[e.layer] * width + e.expert for e in experts) for experts in chosen]
    return phi(
        Resampled(
            chosen=np.array(flat, np.int32),
            experts=len(sites) * width,
            candidates=sum(site.experts for site in sites),
        )
    )
