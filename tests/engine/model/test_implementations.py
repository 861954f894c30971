"""transformers runs experts in several ways; hooks must mean the same under each."""

from __future__ import annotations

import pytest
import torch

from gatekeeper.errors import AuditError
from tests.engine import invariants as inv

MODES = ("reroute", "ablate", "noise:0.5", "scale:0.3")


def everything(probe):
    """Counts, and logits under each mode."""
    busy = probe.busy(1)
    with probe.instrument() as instrument:
        found = {"counts": probe.count(instrument)}
        for mode in MODES:
            probe.mask(instrument, busy, [], busy[-1:], mode=mode, seeds=[1, 2, 3])
            found[mode] = probe.logits()
    return found


@pytest.mark.parametrize("family", ["qwen3_moe", "deepseek_v3", "gpt_oss", "zaya"])
def test_the_way_experts_are_run_changes_nothing(family):
    probe = inv.probe(family)
    before = probe.model.config._experts_implementation
    seen = {}
    try:
        for name in ("eager", "grouped_mm", "batched_mm"):
            probe.model.set_experts_implementation(name)
            seen[name] = everything(probe)
    finally:
        probe.model.set_experts_implementation(before)
    plain = seen.pop("eager")
    for found in seen.values():
        assert torch.equal(found["counts"], plain["counts"])
        for mode in MODES:
            assert inv.distance(probe, found[mode], plain[mode]) < inv.TOLERANCE


@pytest.mark.parametrize("expert", [-1, 8, 99])
def test_an_expert_that_does_not_exist_is_refused(expert):
    probe = inv.probe("qwen3_moe")
    with probe.instrument() as instrument, pytest.raises(AuditError, match="does not route"):
        probe.mask(instrument, [(probe.sites[0].layer, expert)], [], [])
