"""Layers that a mask leaves with fewer experts than the router chooses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gatekeeper.records.model import MoeSite
from gatekeeper.records.trial import MODE, Mask


def starved_layers(mask: Mask, sites: Sequence[MoeSite]) -> int:
    """Layers in which every token is served by fewer than k experts under this mask.

    Such a layer is no longer the model with an expert deleted, but one with less computation: a
    loss there may be one of ability. Only reroute starves.
    """
    if mask.mode != MODE:
        return 0
    masked = Counter(expert.layer for expert in mask.experts)
    return sum(site.experts - masked[site.layer] < site.top_k for site in sites)
