"""A model spread over two processes (gloo): expert ids are global, results those of one."""

from __future__ import annotations

import pytest
import torch

from tests.engine import invariants as inv
from tests.engine.launch import torchrun

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("family", ["qwen3_moe", "mixtral"])
@pytest.mark.parametrize("mode", ["tensor", "expert"])
def test_two_processes_give_what_one_gives(family, mode, tmp_path):
    whole = inv.probe(family)
    whole.model.save_pretrained(tmp_path / "checkpoint")
    out = tmp_path / "seen.pt"
    done = torchrun("tests.engine.parallel_worker", tmp_path / "checkpoint", out, mode)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = torch.load(out)
    assert seen["experts"].tolist() == [s.experts_count for s in whole.sites]
    experts = [(s.layer, 1) for s in whole.sites]
    with whole.instrument() as instrument:
        plain = whole.logits()
        whole.mask(instrument, experts, [], experts[-1:], mode=["reroute", "reroute", "ablate"])
        counts, masked = whole.count(instrument), whole.logits()
    assert inv.distance(whole, seen["plain"], plain) < inv.TOLERANCE
    assert inv.distance(whole, seen["masked"], masked) < inv.TOLERANCE
    assert torch.equal(seen["counts"], counts)
    assert inv.distance(whole, plain, masked) > 100 * inv.TOLERANCE
