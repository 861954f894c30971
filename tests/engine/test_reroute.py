"""Reroute equals deleting the expert: compared with a model from which it was cut out."""

from __future__ import annotations

import copy

import pytest
import torch

from gatekeeper.engine.routing import Instrument, mask_table
from tests.engine.test_routing import batch, logits
from tests.engine.tiny_loaded import loaded

#: Families whose router holds nothing but a weight [E, H]: cutting a row is deleting an expert.
_CUTTABLE = ("mixtral", "qwen2_moe", "qwen3_moe", "olmoe")


def cut(model, site_index: int, expert: int):
    """A copy of the model in which one expert does not exist."""
    pruned = copy.deepcopy(model.model)
    site = model.sites[site_index]
    block = pruned.get_submodule(site.path)
    keep = [e for e in range(site.experts_count) if e != expert]
    router = block.gate
    router.weight = torch.nn.Parameter(router.weight[keep], requires_grad=False)
    router.num_experts = len(keep)
    block.experts.gate_up_proj = torch.nn.Parameter(
        block.experts.gate_up_proj[keep], requires_grad=False
    )
    block.experts.down_proj = torch.nn.Parameter(block.experts.down_proj[keep], requires_grad=False)
    block.experts.num_experts = len(keep)
    return pruned


@pytest.mark.parametrize("family", _CUTTABLE)
@pytest.mark.parametrize("expert", [0, 3, 7])
def test_reroute_equals_a_physically_removed_expert(family, expert):
    model, inputs = loaded(family), batch()
    pruned = cut(model, 0, expert)
    with torch.inference_mode():
        removed = pruned(**inputs, use_cache=False).logits
    with Instrument(model.sites) as instrument:
        instrument.set_mask(mask_table([[(model.sites[0].layer, expert)]] * 3, model.sites))
        masked = logits(model, inputs)
    valid = inputs["attention_mask"].bool()
    # Logits reach into the tens; the softmax over 7 and over 8 columns rounds differently.
    assert torch.allclose(removed[valid], masked[valid], atol=5e-5)
    assert (logits(model, inputs)[valid] - masked[valid]).abs().max() > 1e-3
