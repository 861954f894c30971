"""Checks environments against the routing profile and the selections that they follow from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from gatekeeper import catalog
from gatekeeper.analysis.changes import part_changes, redrawn, variant_changes
from gatekeeper.analysis.environments import environments, variant_names
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.wire import change_to_json
from gatekeeper.records.environment import DIMENSIONS, Change, Environment
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.verify.same import same_data


def recheck_environments(
    evidence: Evidence, inputs: SelectionInput, agreed: Sequence[str]
) -> tuple[str, ...]:
    """Parts the suite again, for the selectors that could be asked again.

    What was selected under another system prompt or format rests on replies and routing that no
    bundle holds. What is said of it must fit the selections.

    Returns:
        the variants whose selections could not be made again.

    Raises:
        EvidenceError: environments or changes are stored that do not follow.
    """
    _check_selectors(evidence)
    rechecked = tuple(e for e in evidence.environments if e.selector in agreed)
    parted, changed = _parted(evidence, inputs, agreed)
    if tuple(e for e in rechecked if e.dimension in DIMENSIONS) != parted:
        _refuse("the environments do not follow from the routing profile")
    variants = tuple(e for e in rechecked if e.dimension not in DIMENSIONS)
    for e in variants:
        _check_variant(evidence, inputs, e)
    if variants:
        usual = redrawn(inputs, [catalog.load("selector", name) for name in agreed])
        changed += variant_changes(inputs.profile.sites, variants, usual)
    stored = tuple(change for change in evidence.changes if change.selector in agreed)
    if not same_data(*(_plain(side) for side in (stored, changed))):
        _refuse("what is said to change the selections does not follow from them")
    return tuple(dict.fromkeys(f"{e.dimension} {e.name}" for e in variants))


def _parted(
    evidence: Evidence, inputs: SelectionInput, agreed: Sequence[str]
) -> tuple[tuple[Environment, ...], tuple[Change, ...]]:
    if not evidence.settings.environments:
        return (), ()
    by_id = {p.id: p for p in evidence.suite.prompts}
    prompts = [by_id[i] for i in inputs.profile.prompt_ids]
    values = {
        name: np.array([getattr(p, name) for p in prompts], dtype=np.str_) for name in DIMENSIONS
    }
    wanted = [
        catalog.load("selector", name) for name in evidence.settings.selectors if name in agreed
    ]
    return environments(inputs, values, wanted), part_changes(inputs, values, wanted)


def _check_variant(evidence: Evidence, inputs: SelectionInput, v: Environment) -> None:
    """Checks a variant against what the audit itself selected from the same prompts.

    Raises:
        EvidenceError: it is of a variant that was not run, or beside another selection.
    """
    selection = next((s for s in evidence.selections if s.selector == v.selector), None)
    ranked = () if selection is None else selection.ranked[: inputs.size]
    seeds = len(set(inputs.seeds[inputs.sets == "regular"].tolist()))
    if v.without != tuple(r.expert for r in ranked) or {v.seeds, v.others} != {seeds}:
        _refuse(f"the {excerpt(v.dimension)} {excerpt(v.name)} stands beside another selection")
    if v.values not in [(name,) for name in variant_names(evidence, v.dimension)]:
        _refuse(f"the {excerpt(v.dimension)} {excerpt(v.name)} was not run by this audit")


def _check_selectors(evidence: Evidence) -> None:
    """Checks that only selectors with a selection that measure nothing select in environments.

    Raises:
        EvidenceError: there is an environment or a change of another.
    """
    able = {s.selector for s in evidence.selections if not s.forwards}
    named = {e.selector for e in evidence.environments}
    named |= {change.selector for change in evidence.changes}
    for name in sorted(named - able):
        _refuse(f"{excerpt(name)} did not select in environments")


def _plain(changes: Sequence[Change]) -> Any:
    # Through JSON, so that a number is the same number however it was written.
    return json.loads(json.dumps([change_to_json(change) for change in changes]))


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
