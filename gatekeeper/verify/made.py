"""Checks that a bundle holds all masks and trials that its own settings ask for.

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
from gatekeeper.errors import REASON, EvidenceError, excerpt
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
    """Checks that every arm is there, each mask was run on its prompts, and skips were needed.

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
    """Why random masks could be others without a trace: they are not those the seed draws here."""
    reasons = [other_controls(view) for view in views(evidence)] if makes_all(evidence) else []
    return tuple(dict.fromkeys(filter(None, reasons)))


def left_out_with_reason(evidence: Evidence) -> tuple[str, ...]:
    """Parts of the audit asked for and not made, each with the reason that the bundle gives."""
    parts = {"positive control": evidence.positive_control, "roles": evidence.roles}
    reasons = [(what, why) for what, why in parts.items() if isinstance(why, str)]
    reasons += [(f"selector {excerpt(n)}", why) for n, why in evidence.skipped_selectors.items()]
    skipped = sum(p.skipped is not None for p in evidence.suite.prompts)
    reasons += [(f"{skipped} prompts", "they are called skipped")] * bool(skipped)
    return tuple(f"{what}: {excerpt(why, REASON)}" for what, why in reasons if why != NOT_ASKED)


def _runs(evidence: Evidence) -> None:
    """Checks that each mask has a trial of each prompt it was to be run on, and of no other.

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
    trials = np.zeros((len(rows) + 1, len(columns) + 1), dtype=np.bool_)
    if len(codes.mask):
        row = np.array([rows.get(name, -1) for name in codes.masks])[codes.mask]
        column = np.array([columns.get(name, -1) for name in codes.prompts])[codes.prompt]
        trials[row, column] = True
    measures: npt.NDArray[np.bool_] = np.array([p.measures for p in prompts], dtype=np.bool_)
    sets = np.array([p.set for p in prompts], dtype=np.str_)
    by_mask = _of_environments(evidence)
    for mask, there in zip(evidence.masks, trials[:-1, :-1], strict=True):
        wanted = measures & by_mask.get(mask.name, _run_on(mask, sets))
        may = wanted if makes_all(evidence) else measures
        for name in np.unique(sets):
            if (stop := stop_of(evidence, mask, str(name))) is not None:
                run = run_of(evidence, stop)
                until = np.array([p.id in run for p in prompts], dtype=np.bool_)
                wanted, may = (np.where(sets == name, until, run_on) for run_on in (wanted, may))
        if lacking := int(np.count_nonzero(wanted & ~there)):
            _refuse(
                f"mask {excerpt(mask.name)} was not run on {lacking} of the prompts that it was to "
                "be run on"
            )
        if np.any(there & ~may):
            _refuse(f"mask {excerpt(mask.name)} was run on prompts that it is not measured on")


def _run_on(mask: Mask, sets: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """The prompts that a mask is to be run on, as far as they measure, bool [P]."""
    run_on = {POSITIVE.arm: SETS_RUN, "control": ("regular",), "dose": ("regular",)}
    return np.isin(sets, run_on.get(mask.arm, ALL_SETS))


def _of_environments(evidence: Evidence) -> dict[str, npt.NDArray[np.bool_]]:
    """The regular prompts of each mask of an environment, bool [P] by the mask's name."""
    settings = evidence.settings
    by_mask: dict[str, npt.NDArray[np.bool_]] = {}
    for environment, *masks in environment_masks(
        evidence.environments, mode=settings.mode, phase=settings.phase
    ):
        inside = np.array([_within(p, environment) for p in evidence.suite.prompts], dtype=np.bool_)
        by_mask |= {mask.name: inside for mask in (*masks, unmasked_within(environment))}
    return by_mask


def _within(prompt: PromptRef, environment: Environment) -> bool:
    """Whether masks of an environment are run on a prompt; those of a variant on all regular."""
    if prompt.set != "regular" or environment.dimension not in DIMENSIONS:
        return prompt.set == "regular"
    return getattr(prompt, environment.dimension) in environment.values


def _arms(evidence: Evidence) -> None:
    """Checks for the second unmasked run, the masks beside, and selected masks' usefulness.

    Raises:
        EvidenceError: one lacks.
    """
    if AGAIN not in evidence.masks:
        _refuse("the second run without a mask is left out")
    if lacks_beside(evidence):
        _refuse("the masks of experts that are busy on benign prompts are left out")
    selected = {mask.name for mask in evidence.masks if mask.arm == "selected"}
    with_usefulness = {u.mask for u in evidence.usefulness}
    if evidence.settings.phase == "both" and with_usefulness != selected:
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
    """Checks that other system prompts and formats were run: each has the selections it must.

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
    """Checks that a skipped selector finds nothing to select by in one of the folds.

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
    inputs: SelectionInput = selection_input(evidence)
    if not selector.measures:
        return not isinstance(selector.select(inputs), str)
    attributes: Selector = catalog.load("selector", "attribution")
    if selector.rows_needed is None or isinstance(attributes.select(inputs), str):
        return False
    needed = selector.rows_needed(inputs.size, _MEASURED * len(HARMFUL_SETS))
    return bool(evidence.selections) and evidence.settings.budget >= needed


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
