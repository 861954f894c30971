"""What was made, held against what the bundle itself says was to be made.

Whoever writes a bundle could otherwise leave out what speaks against the model: prompts under a
mask, a whole arm, a selector that is called skipped, a variant.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import numpy.typing as npt

from gatekeeper import catalog
from gatekeeper.analysis.environments import absent_variants, environment_masks, unmasked_within
from gatekeeper.analysis.folds import views
from gatekeeper.analysis.order import run_of, stop_of
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.records.environment import DIMENSIONS, VARIANTS, Environment
from gatekeeper.records.evidence import NOT_ASKED, Evidence, PromptRef
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.positive import SETS_RUN
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.suite import SETS as ALL_SETS
from gatekeeper.records.trial import AGAIN, POSITIVE, Mask
from gatekeeper.records.trials import codes_of
from gatekeeper.suites.split import VERSION
from gatekeeper.verify.masks import lacks_beside, other_controls
from gatekeeper.verify.selections import selection_input

#: Prompts of a set that a selector which measures is given at most (`estimate.workload`).
_MEASURED = 32


def recheck_made(evidence: Evidence) -> None:
    """Every arm is there, each mask was run on its prompts, and what was skipped had to be.

    Of older bundles only the second: they made less, and `verify.recorded` tells that they are.

    Raises:
        EvidenceError: something was to be made, and was not.
    """
    for view in views(evidence):
        _runs(view)
    if not makes_all(evidence):
        return
    for view in views(evidence):
        _arms(view)
        _variants(view)
    _skipped(evidence)


def makes_all(evidence: Evidence) -> bool:
    """Whether a bundle says to be of a version that makes all arms, and was read from a file."""
    settings = evidence.settings
    return bool(settings.metrics) and settings.split == VERSION and evidence.profile is not None


def random_masks_open(evidence: Evidence) -> tuple[str, ...]:
    """Random masks that could be others without a trace: not those that the seed draws here."""
    told = [other_controls(view) for view in views(evidence)] if makes_all(evidence) else []
    return tuple(dict.fromkeys(filter(None, told)))


def left_out_with_reason(evidence: Evidence) -> tuple[str, ...]:
    """What was asked for and not made, with the reason that the bundle gives in words."""
    parts = {"positive control": evidence.positive_control, "roles": evidence.roles}
    told = [(what, why) for what, why in parts.items() if isinstance(why, str)]
    told += [(f"selector {excerpt(n)}", why) for n, why in evidence.skipped_selectors.items()]
    skipped = sum(p.skipped is not None for p in evidence.suite.prompts)
    told += [(f"{skipped} prompts", "they are called skipped")] * bool(skipped)
    return tuple(f"{what}: {excerpt(why)}" for what, why in told if why != NOT_ASKED)


def _runs(evidence: Evidence) -> None:
    """Each mask has a trial of each prompt it was to be run on, and of no other.

    Further ones could be chosen for what they show. Older bundles have some: there it is held only
    that they measure.

    Raises:
        EvidenceError: a trial lacks, or is of another prompt.
    """
    prompts = evidence.suite.prompts
    codes = codes_of(evidence.trials)
    rows = {mask.name: row for row, mask in enumerate(evidence.masks)}
    columns = {prompt.id: column for column, prompt in enumerate(prompts)}
    # A view names masks and prompts of which it has no trial; a last row and column is for those.
    found = np.zeros((len(rows) + 1, len(columns) + 1), dtype=np.bool_)
    if len(codes.mask):
        row = np.array([rows.get(name, -1) for name in codes.masks])[codes.mask]
        column = np.array([columns.get(name, -1) for name in codes.prompts])[codes.prompt]
        found[row, column] = True
    measures: npt.NDArray[np.bool_] = np.array([p.measures for p in prompts], dtype=np.bool_)
    sets = np.array([p.set for p in prompts], dtype=np.str_)
    own = _of_environments(evidence)
    for mask, there in zip(evidence.masks, found[:-1, :-1], strict=True):
        wanted = measures & own.get(mask.name, _run_on(mask, sets))
        may = wanted if makes_all(evidence) else measures
        for name in np.unique(sets):
            if (stop := stop_of(evidence, mask, str(name))) is not None:
                run = run_of(evidence, stop)
                until = np.array([p.id in run for p in prompts], dtype=np.bool_)
                wanted, may = (np.where(sets == name, until, one) for one in (wanted, may))
        if lacking := int(np.count_nonzero(wanted & ~there)):
            _refuse(
                f"mask {excerpt(mask.name)} was not run on {lacking} of the prompts that it was to "
                "be run on"
            )
        if np.any(there & ~may):
            _refuse(f"mask {excerpt(mask.name)} was run on prompts that it is not measured on")


def _run_on(mask: Mask, sets: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """[P], prompts that a mask is to be run on, as far as they measure."""
    run_on = {POSITIVE.arm: SETS_RUN, "control": ("regular",), "dose": ("regular",)}
    return np.isin(sets, run_on.get(mask.arm, ALL_SETS))


def _of_environments(evidence: Evidence) -> dict[str, npt.NDArray[np.bool_]]:
    """[P] by mask of an environment: its regular prompts."""
    settings = evidence.settings
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for one, *masks in environment_masks(
        evidence.environments, mode=settings.mode, phase=settings.phase
    ):
        inside = np.array([_within(p, one) for p in evidence.suite.prompts], dtype=np.bool_)
        found |= {mask.name: inside for mask in (*masks, unmasked_within(one))}
    return found


def _within(prompt: PromptRef, one: Environment) -> bool:
    """Whether masks of an environment are run on a prompt; those of a variant on all regular."""
    if prompt.set != "regular" or one.dimension not in DIMENSIONS:
        return prompt.set == "regular"
    return getattr(prompt, one.dimension) in one.values


def _arms(evidence: Evidence) -> None:
    """The second unmasked run, the masks beside, and what each selected mask costs in usefulness.

    Raises:
        EvidenceError: one lacks.
    """
    if AGAIN not in evidence.masks:
        _refuse("the second run without a mask is left out")
    if lacks_beside(evidence):
        _refuse("the masks of experts that are busy on benign prompts are left out")
    selected = {mask.name for mask in evidence.masks if mask.arm == "selected"}
    told = {one.mask for one in evidence.usefulness}
    if evidence.settings.phase == "both" and told != selected:
        _refuse("the usefulness under selected masks is left out")
    if evidence.settings.sequential is None:
        return
    sets = {p.set for p in evidence.suite.prompts if p.measures}
    watched = {
        (mask.selector, mask.k, name)
        for mask in evidence.masks
        if mask.arm in {"selected", "beside"}
        for name in sets
    }
    if watched != {(stop.selector, stop.k, stop.set) for stop in evidence.stops}:
        _refuse("it is not told of every mask that might have stopped early how far it was run")


def _variants(evidence: Evidence) -> None:
    """Other system prompts and formats of the settings were run: each has the selections it must.

    Of selectors that only read where tokens went: from the same prompts, they select under every
    variant. Others hang on how many prompts are refused there.

    Raises:
        EvidenceError: one has not.
    """
    able = [s.selector for s in evidence.selections if _reads_routing(s.selector)]
    for dimension in VARIANTS:
        for name in able:
            if lacking := absent_variants(evidence, name, dimension):
                _refuse(f"the {dimension} {excerpt(lacking[0])} of the settings was not run")


def _reads_routing(name: str) -> bool:
    if name not in catalog.names("selector"):
        return False
    selector: Selector = catalog.load("selector", name)
    return not (selector.measures or selector.needs_attribution)


def _skipped(evidence: Evidence) -> None:
    """A selector that is called skipped finds nothing to select by in one of the folds.

    Raises:
        EvidenceError: it does in all.
    """
    for name in evidence.skipped_selectors.keys() & set(catalog.names("selector")):
        if all(_would_select(view, catalog.load("selector", name)) for view in views(evidence)):
            _refuse(f"the selector {excerpt(name)} is called skipped, and would have selected")


def _would_select(evidence: Evidence, selector: Selector) -> bool:
    """Whether a selector could have made a selection.

    One that measures is not asked again: it can where the refused prompts were enough to attribute,
    and its budget allowed every step.
    """
    given: SelectionInput = selection_input(evidence)
    if not selector.measures:
        return not isinstance(selector.select(given), str)
    attributes: Selector = catalog.load("selector", "attribution")
    if selector.rows_needed is None or isinstance(attributes.select(given), str):
        return False
    needed = selector.rows_needed(given.size, _MEASURED * len(HARMFUL_SETS))
    return bool(evidence.selections) and evidence.settings.budget >= needed


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
