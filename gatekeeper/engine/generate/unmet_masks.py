"""Rows that need not run: the unmasked run of the same prompt never met a masked expert.

A mask acts on a token only if the token would be routed to one of its experts. Where no token of
the unmasked run was, up to the end of its reply or the judge's decision, the masked run is the
unmasked one, step by step, and the reply is copied. Under `ablate`, `scale` and `noise` that holds
for every router: they change what a chosen expert gives. Under `reroute` it holds where taking out
an expert that is not chosen changes neither the choice nor the weights of the others. A softmax
that is not renormalised over the chosen ones, or a choice of groups by the scores of all their
experts, breaks it: `skip_test.py` looks.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.engine.generate.visited_experts import unpacked
from gatekeeper.engine.model.hooks import PHASES
from gatekeeper.engine.model.mask_tables import width_of
from gatekeeper.engine.model.sites import RouterSite
from gatekeeper.records.trial import Mask


def spared(sites: Sequence[RouterSite], mask: Mask, met: bytes | None) -> bool:
    """Whether a row under the mask is its unmasked twin.

    Args:
        met: what the twin met, or None if that is not known: then it runs.
    """
    flags = None if met is None else unpacked(met, len(sites), width_of(sites))
    if flags is None:
        return False
    place = {site.layer: index for index, site in enumerate(sites)}
    if any(e.layer not in place or not 0 <= e.expert < flags.shape[2] for e in mask.experts):
        return False  # a mask that is not of this model is refused where it runs
    held = flags if mask.phase == "both" else flags[[PHASES.index(mask.phase)]]
    return not any(held[:, place[e.layer], e.expert].any() for e in mask.experts)
