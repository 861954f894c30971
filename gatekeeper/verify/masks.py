"""Checks masks against what they follow from: rankings, the routing profile and the seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.comparison_masks import beside_masks, cause_masks, dose_masks
from gatekeeper.analysis.environments import environment_arms
from gatekeeper.analysis.masks import control_masks, selected_masks
from gatekeeper.analysis.roles import role_of
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.model import ExpertId
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.role import Roles
from gatekeeper.records.selection import Selection
from gatekeeper.records.trial import AGAIN, UNMASKED, Mask

#: Draws in a row that may repeat masks, where a model has few different ones.
_STALE = 1000


def recheck_masks(evidence: Evidence) -> int:
    """Derives the selected masks again; returns how many masks were looked at.

    Selected masks are the first k of their ranking for every k of the audit. Controls hold k
    experts of the model, none of them selected beside them, and are nested in k.

    Raises:
        EvidenceError: a mask is another, or lacks.
    """
    plain = [mask for mask in evidence.masks if mask.arm == "unmasked"]
    if plain != [UNMASKED]:
        _refuse("there is not exactly one arm without a mask")
    if any(mask != AGAIN for mask in evidence.masks if mask.arm == "again"):
        _refuse("the second run without a mask has one")
    names = [selection.selector for selection in evidence.selections]
    if len(set(names)) < len(names):
        _refuse("a selector ranked twice")
    ranks = {selection.selector: _ranking(evidence, selection) for selection in evidence.selections}
    settings = evidence.settings
    wanted = {
        mask.name: replace(mask, mode=settings.mode, phase=settings.phase)
        for selection in evidence.selections
        for mask in selected_masks(selection, evidence.settings.ks)
    }
    extra = [mask for mask in evidence.masks if mask.arm == "environment"]
    arms = list(environment_arms(evidence.environments, mode=settings.mode, phase=settings.phase))
    if extra != arms:
        _refuse("the masks of environments are not those that were selected there")
    if not all(_has(evidence, mask.experts) for mask in arms):
        _refuse("an environment selected experts that this model does not have")
    _recheck_beside(evidence)
    stored = {mask.name: mask for mask in evidence.masks if mask.arm == "selected"}
    for name in sorted(wanted.keys() | stored.keys()):
        if wanted.get(name) != stored.get(name):
            _refuse(f"mask {excerpt(name)} does not follow from the ranking of its selector")
    _recheck_controls(evidence, ranks)
    return len(evidence.masks)


def _recheck_controls(evidence: Evidence, ranks: Mapping[str, set[ExpertId]]) -> None:
    """Checks random masks: named after what they stand beside, nested, of unselected experts.

    Raises:
        EvidenceError: one is not.
    """
    settings = evidence.settings
    longest: dict[tuple[str, int], Mask] = {}
    controls = [mask for mask in evidence.masks if mask.arm == "control"]
    for mask in sorted(controls, key=lambda m: m.k, reverse=True):
        selector, index = mask.selector or "", mask.control if mask.control is not None else -1
        if (mask.mode, mask.phase) != (settings.mode, settings.phase):
            _refuse(f"mask {excerpt(mask.name)} is of another mode than the audit")
        if selector not in ranks or index < 0 or mask.k not in settings.ks:
            _refuse(f"mask {excerpt(mask.name)} stands beside no selected mask")
        if mask.name != f"{selector}-k{mask.k}-control-{index:02d}":
            _refuse(f"mask {excerpt(mask.name)} is not named after what it stands beside")
        largest = longest.setdefault((selector, index), mask)
        chosen = set(mask.experts)
        if len(chosen) != mask.k or mask.experts != largest.experts[: mask.k]:
            _refuse(f"mask {excerpt(mask.name)} is not nested in the larger ones of its control")
        if not _has(evidence, chosen) or chosen & ranks[selector]:
            _refuse(f"mask {excerpt(mask.name)} holds experts that no control may hold")
    _recheck_number(evidence, controls)


def _recheck_number(evidence: Evidence, controls: Sequence[Mask]) -> None:
    """Checks for as many random masks as the settings tell, of each size that the model allows.

    A draw ends in an expert that makes another set than those before, as long as there is one.

    Raises:
        EvidenceError: there are others.
    """
    settings = evidence.settings
    experts = evidence.model.maskable_experts
    drawn = Counter((mask.selector, mask.k) for mask in controls)
    if any((mask.control or 0) >= settings.controls for mask in controls):
        _refuse("there are more random masks than the settings tell")
    for s in evidence.selections if settings.metrics else ():
        sizes = [k for k in settings.ks if k <= min(len(s.ranked), experts // 2)]
        for k in sizes:
            free = experts - max(sizes) - (k - 1)  # for the last of k, behind any others
            if drawn[s.selector, k] < settings.controls <= free:
                _refuse(f"{excerpt(s.selector)} has fewer random masks than the settings tell")


def _recheck_beside(evidence: Evidence) -> None:
    """Checks masks beside the selected ones, and weakened ones; earlier bundles have none.

    Those of experts by the cause of their role came later: a bundle has all of them or none.

    Raises:
        EvidenceError: one does not follow from the rankings, the routing profile and the roles.
    """
    _recheck_roles(evidence)
    settings, profile = evidence.settings, evidence.profile
    doses = tuple(mask for mask in evidence.masks if mask.arm == "dose")
    chosen = evidence.selections
    if doses != dose_masks(chosen, settings.ks, settings.doses, phase=settings.phase):
        _refuse("the weakened masks do not follow from the rankings")
    beside = tuple(mask for mask in evidence.masks if mask.arm == "beside")
    if not beside:
        return
    if profile is None:
        _refuse("there are masks of the busiest experts and no routing profile")
    wanted = beside_masks(
        profile,
        rows_of(evidence, profile, "benign"),
        chosen,
        settings.ks,
        mode=settings.mode,
        phase=settings.phase,
    )
    by_cause = cause_masks(evidence.roles, settings.ks, mode=settings.mode, phase=settings.phase)
    if not all(_has(evidence, mask.experts) for mask in by_cause):
        _refuse("roles were told of experts that this model does not have")
    if beside not in (wanted, (*wanted, *by_cause)):
        _refuse("the masks beside the selected ones do not follow from rankings, profile and roles")


def lacks_causes(evidence: Evidence) -> bool:
    """Whether masks of experts by the cause of their role are missing, which such an audit makes.

    Args:
        evidence: of both folds, if there are any: with two no mask of a role is run.
    """
    settings = evidence.settings
    if settings.cross_fit or not settings.metrics:
        return False
    causes = cause_masks(evidence.roles, settings.ks, mode=settings.mode, phase=settings.phase)
    return not {mask.name for mask in causes} <= {mask.name for mask in evidence.masks}


def lacks_beside(evidence: Evidence) -> bool:
    """Whether all masks beside the selected ones are missing, where such an audit makes some."""
    profile, settings = evidence.profile, evidence.settings
    if profile is None or any(mask.arm == "beside" for mask in evidence.masks):
        return False
    if not evidence.selections:  # where nothing was selected, nothing is masked
        return False
    return bool(
        beside_masks(
            profile,
            rows_of(evidence, profile, "benign"),
            evidence.selections,
            settings.ks,
            mode=settings.mode,
            phase=settings.phase,
        )
    )


def left_out(evidence: Evidence) -> str | None:
    """Why masks that speak against the model may have been left out of a bundle, or None.

    Random masks must be those that the seed draws. Half of them may be of other experts, as another
    machine's logarithm may order two that are equally busy otherwise.

    Args:
        evidence: of one fold.
    """
    settings, profile = evidence.settings, evidence.profile
    if profile is None:  # no bundle is without: this was not read from one
        return None
    if not settings.metrics:
        return "the bundle is of a version in which nothing shows that no mask was left out"
    if lacks_beside(evidence):
        return "the masks of experts that are busy on benign prompts are missing"
    return other_controls(evidence)


def other_controls(evidence: Evidence) -> str | None:
    """Why the random masks are not those of the seed, or None."""
    settings, profile = evidence.settings, evidence.profile
    if profile is None:
        return None
    controls = {mask.name: mask.experts for mask in evidence.masks if mask.arm == "control"}
    # Some more than there are show as well that some lack, however many are told of.
    drawn = _drawn(evidence, profile, min(settings.controls, len(controls) + _STALE))
    same = sum(controls.get(name) == experts for name, experts in drawn.items())
    if controls.keys() != drawn.keys() or 2 * same < len(drawn):
        return "the random masks are not those that the seed draws"
    return None


def _drawn(
    evidence: Evidence, profile: ActivationProfile, count: int
) -> dict[str, tuple[ExpertId, ...]]:
    """The random masks that the seed draws, by name."""
    rows = np.flatnonzero(rows_of(evidence, profile, "regular"))
    if not len(rows):
        return {}
    settings, frequency = evidence.settings, profile.frequency("prompt", rows).mean(axis=0)
    return {
        mask.name: mask.experts
        for selection in evidence.selections
        for mask in control_masks(
            selection,
            settings.ks,
            frequency,
            profile.sites,
            count=count,
            seed=settings.seed,
        )
    }


def rows_of(evidence: Evidence, profile: ActivationProfile, name: str) -> npt.NDArray[np.bool_]:
    """The rows of the profile that are prompts of a set, bool [P]."""
    inside = {p.id for p in evidence.suite.prompts if p.set == name}
    return np.array([i in inside for i in profile.prompt_ids], dtype=np.bool_)


def _recheck_roles(evidence: Evidence) -> None:
    """Checks that each expert has one role, and the one that its intervals give.

    Raises:
        EvidenceError: one has another, and would be masked with others than it belongs to.
    """
    if not isinstance(evidence.roles, Roles):
        return
    experts = evidence.roles.experts
    wrong = any(e.role != role_of(e.detection_interval, e.refusal_interval)
                for e in experts)  # fmt: skip
    if wrong or len({e.expert for e in experts}) < len(experts):
        _refuse("roles do not follow from the intervals of their experts")


def _ranking(evidence: Evidence, selection: Selection) -> set[ExpertId]:
    """The experts of a ranking that the audit's largest mask takes."""
    order = [ranked.expert for ranked in selection.ranked]
    if len(set(order)) < len(order) or not _has(evidence, order):
        _refuse(f"the ranking of {excerpt(selection.selector)} is not one of this model's experts")
    return set(order[: max((k for k in evidence.settings.ks if k <= len(order)), default=0)])


def _has(evidence: Evidence, experts: Collection[ExpertId]) -> bool:
    """Whether the model has these experts; a model may be said to have any number."""
    held = {site.layer: site.experts for site in evidence.model.maskable_sites}
    return all(0 <= e.expert < held.get(e.layer, 0) for e in experts)


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
