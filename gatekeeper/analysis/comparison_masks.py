"""Masks to compare the selected ones with: of busy experts, of groups, and weakened ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gatekeeper.records.model import ExpertId
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.role import ROLES, Roles
from gatekeeper.records.selection import Selection
from gatekeeper.records.trial import Mask

#: What the masks of the experts that harmless requests keep busiest follow.
BENIGN_TOP = "benign-top"

#: What the masks of the experts of one role by cause follow: `cause/HCDG`, `cause/HRCG`.
BY_CAUSE = "cause"

#: Groups that a ranking may tell apart, in the order of their masks.
_GROUPS = tuple(role for role in ROLES if role != "unclear")


def group_name(selector: str, group: str) -> str:
    """The name for one group of a selector's experts, such as `ses-contrast/HRCG`."""
    return f"{selector}/{group}"


def beside_masks(
    profile: ActivationProfile,
    benign: npt.NDArray[np.bool_],
    selections: Sequence[Selection],
    ks: Sequence[int],
    *,
    mode: str,
    phase: str,
) -> tuple[Mask, ...]:
    """Masks of the experts busiest on benign prompts, and of each group a ranking tells apart.

    The first show what masking costs where nothing harmful is asked. The second set the experts
    that detect harm against as many that control the reply, by the same ranking: the larger group
    is cut, so that neither costs more for its size alone.

    Args:
        benign: [P], rows of the profile that are benign prompts.
    """
    busiest = [
        _mask(f"{BENIGN_TOP}-k{k}", BENIGN_TOP, order[:k], mode, phase)
        for order in [_busiest(profile, benign)]
        for k in ks
        if k <= len(order)
    ]
    return (*busiest, *_groups(selections, max(ks, default=0), mode, phase))


def _busiest(profile: ActivationProfile, benign: npt.NDArray[np.bool_]) -> tuple[ExpertId, ...]:
    """All experts, those first that most tokens of benign prompts choose; ties by index."""
    rows = np.flatnonzero(benign)
    if len(rows) == 0:
        return ()
    frequency = profile.frequency("prompt", rows).mean(axis=0)
    experts = [
        (-float(frequency[row, e]), row, e)
        for row, site in enumerate(profile.sites)
        for e in range(site.experts)
    ]
    return tuple(ExpertId(profile.sites[row].layer, e) for _, row, e in sorted(experts))


def _groups(selections: Sequence[Selection], most: int, mode: str, phase: str) -> Iterator[Mask]:
    for selection in selections:
        groups = {
            group: tuple(r.expert for r in selection.ranked if group in r.groups)
            for group in _GROUPS
        }
        size = min(most, *(len(experts) for experts in groups.values()))
        if size:
            for group, experts in groups.items():
                name = group_name(selection.selector, group)
                yield _mask(
                    f"{selection.selector}-{group}-k{size}", name, experts[:size], mode, phase
                )


def cause_masks(
    roles: Roles | str | None, ks: Sequence[int], *, mode: str, phase: str
) -> tuple[Mask, ...]:
    """A mask of all experts that detect harm by cause, and one of all that control the response.

    Each holds as many as there are, at most the largest k, in the order in which they were looked
    at. What one of them costs is held against the other: if masking the experts that only detect
    harm loses refusals too, it is not the control of the response alone that refusals hang on.
    None where roles were not told, and none of a role that no expert has.
    """
    if not isinstance(roles, Roles):
        return ()
    by_role = (
        (role, tuple(e.expert for e in roles.experts if e.role == role)[: max(ks, default=0)])
        for role in _GROUPS
    )
    return tuple(
        _mask(
            f"{BY_CAUSE}-{role}-k{len(experts)}",
            group_name(BY_CAUSE, role),
            experts,
            mode,
            phase,
        )
        for role, experts in by_role
        if experts
    )


def dose_masks(
    selections: Sequence[Selection], ks: Sequence[int], doses: Sequence[str], *, phase: str
) -> tuple[Mask, ...]:
    """The largest mask of each ranking, weakened instead of rerouted: the dose–response."""
    masks = []
    for selection in selections:
        k = max((k for k in ks if k <= len(selection.ranked)), default=0)
        experts = tuple(r.expert for r in selection.ranked[:k])
        for dose in doses if k else ():
            name = f"{selection.selector}-k{k}-{dose.replace(':', '-')}"
            masks.append(_mask(name, selection.selector, experts, dose, phase, arm="dose"))
    return tuple(masks)


def _mask(
    name: str,
    selector: str,
    experts: tuple[ExpertId, ...],
    mode: str,
    phase: str,
    arm: str = "beside",
) -> Mask:
    return Mask(
        name=name,
        arm=arm,
        mode=mode,
        phase=phase,
        selector=selector,
        k=len(experts),
        control=None,
        experts=experts,
    )
