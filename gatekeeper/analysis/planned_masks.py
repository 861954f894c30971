"""All masks that an audit runs, from what its selectors ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.comparison_masks import beside_masks, dose_masks
from gatekeeper.analysis.masks import control_masks, selected_masks
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.selection import Selection
from gatekeeper.records.trial import UNMASKED, Mask


def planned_masks(
    config: AuditConfig,
    profile: ActivationProfile,
    sets: npt.NDArray[np.str_],
    selections: Sequence[Selection],
) -> tuple[Mask, ...]:
    """Unmasked, each selector's nested masks, controls matched to them, and what stands beside.

    Args:
        sets: [P], the set of each prompt of the profile.
    """
    if not selections:  # maybe of no prompts at all, of which there is no mean
        return (UNMASKED,)
    frequency = profile.frequency("prompt", np.flatnonzero(sets == "regular")).mean(axis=0)
    selected = [m for s in selections for m in selected_masks(s, config.ks)]
    controls = [
        mask
        for s in selections
        for mask in control_masks(
            s, config.ks, frequency, profile.sites, count=config.controls, seed=config.seed
        )
    ]
    masked = (
        replace(mask, mode=config.mode, phase=config.phase) for mask in (*selected, *controls)
    )
    beside = beside_masks(
        profile, sets == "benign", selections, config.ks, mode=config.mode, phase=config.phase
    )
    doses = dose_masks(selections, config.ks, config.doses, phase=config.phase)
    return (UNMASKED, *masked, *beside, *doses)
