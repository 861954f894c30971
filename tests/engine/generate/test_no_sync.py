"""On a GPU no hook may wait for the device once per layer.

There is none here. Tensors on the meta device have shapes and no values: whatever has to ask the
device for a value raises. So this shows that nothing is asked, not that it is fast.
"""

from __future__ import annotations

import pytest
import torch

from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.mask_tables import mask_tables
from gatekeeper.engine.model.reroute import Reroute
from tests.engine import invariants as inv

DEVICE = torch.device("meta")
ROWS, TOKENS = 3, 5


def masked(family: str, mode: str):
    """An instrument whose masks lie on the device, and its sites."""
    probe = inv.probe(family)
    rows = [[(s.layer, 1) for s in probe.sites], [], [(probe.sites[-1].layer, 0)]]
    instrument = Instrument(probe.sites)
    instrument.masks = mask_tables([inv.mask(r, mode) for r in rows], probe.sites, DEVICE)
    return probe, instrument


@pytest.mark.parametrize("family", ["qwen3_moe", "deepseek_v3", "granitemoe", "inkling_text"])
def test_a_masked_router_asks_the_device_nothing(family):
    probe, instrument = masked(family, "reroute")
    for index, site in enumerate(probe.sites):
        states = torch.randn(ROWS, TOKENS, 32, device=DEVICE)
        hidden = instrument.hidden(index, states)
        assert hidden.shape == (ROWS * TOKENS, site.columns)
        scores = torch.randn(ROWS * TOKENS, site.columns, device=DEVICE)
        with Reroute(hidden, site.experts_count):
            chosen = torch.topk(scores, site.top_k, dim=-1)
        assert chosen.values.shape == (ROWS * TOKENS, site.top_k)


@pytest.mark.parametrize("mode", ["reroute", "ablate", "scale:0.5"])
def test_applying_a_mask_and_counting_asks_the_device_nothing(mode):
    probe, instrument = masked("qwen3_moe", mode)
    valid = torch.ones(3, ROWS, TOKENS, dtype=torch.bool, device=DEVICE)
    instrument.counter = Counter(valid, len(probe.sites), 8, gate_weights=True)
    for index in range(len(probe.sites)):
        chosen = torch.zeros(ROWS * TOKENS, 2, dtype=torch.int64, device=DEVICE)
        weights = torch.rand(ROWS * TOKENS, 2, device=DEVICE)
        _, new = instrument.routed(index, chosen, weights)
        assert new.device.type == "meta"
    assert instrument.counter.counts().shape == (3, ROWS, len(probe.sites), 8)


def test_such_tensors_would_tell():
    values = torch.rand(4, device=DEVICE)
    with pytest.raises((RuntimeError, NotImplementedError)):
        bool((values > 0.5).any())
    with pytest.raises((RuntimeError, NotImplementedError)):
        (values > 0.5).nonzero()
