from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.analysis.starvation import starved_layers
from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.trial import UNMASKED

SITES = tuple(
    MoeSite(layer=layer, path=f"layers.{layer}.mlp", experts=4, top_k=2, shared=0)
    for layer in (1, 3)
)


@pytest.mark.parametrize(
    ("experts", "starved"),
    [
        ([], 0),
        ([(1, 0), (1, 1)], 0),  # two are left for two slots
        ([(1, 0), (1, 1), (1, 2)], 1),
        ([(layer, e) for layer in (1, 3) for e in range(4)], 2),
    ],
)
def test_fewer_than_k_left(experts, starved):
    ids = tuple(ExpertId(*e) for e in experts)
    mask = replace(UNMASKED, mode="reroute", experts=ids, k=len(ids))
    assert starved_layers(mask, SITES) == starved
    assert starved_layers(replace(mask, mode="ablate"), SITES) == 0
