"""A model that accelerate spreads over devices and offloads: masks follow each layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gatekeeper.engine.measure.refusal_direction import directions, projected_out
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.spread import bytes_on_disk
from gatekeeper.engine.self_test.run import self_test
from tests.engine import invariants as inv
from tests.engine import zoo
from tests.engine.tiny_loaded import encoded, tokenizer
from tests.typed import only


def offloaded(path: Path, family: str, cpu: str):
    """The checkpoint with the layers beyond `cpu` of memory on disk."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        path,
        dtype=torch.float32,
        device_map="auto",
        max_memory={"cpu": cpu},
        offload_folder=path / "offload",
    )
    sites = tuple(architecture_of(family).find(model.eval()))
    assert "disk" in set(model.hf_device_map.values())
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    assert 0 < size - bytes_on_disk(model) <= 250_000
    return model, sites


@pytest.mark.parametrize("family", ["qwen3_moe", "deepseek_v3", "gpt_oss"])
def test_masks_and_counts_are_those_of_the_whole_model(family, tmp_path):
    whole = inv.probe(family)
    whole.model.save_pretrained(tmp_path)
    (tmp_path / "offload").mkdir()
    model, sites = offloaded(tmp_path, family, "250KB")
    parted = replace(whole, model=model, loaded_sites=sites)
    busy = whole.busy(1)
    results = []
    for probe in (whole, parted):
        with probe.instrument() as instrument:
            probe.mask(instrument, busy, [], busy[-1:], mode=["reroute", "reroute", "ablate"])
            counts = probe.count(instrument)
            results.append((counts, probe.logits()))
    assert torch.equal(results[0][0], results[1][0])
    assert inv.distance(whole, results[0][1], results[1][1]) < inv.TOLERANCE
    loaded = replace(inv.loaded(parted), tokenizer=tokenizer())
    assert all(c.result != "failed" for c in self_test(loaded, encoded()))
    assert zoo.has_causal_lm(family)


def test_a_direction_follows_each_layer_too(tmp_path):
    whole = inv.probe("qwen3_moe")
    whole.model.save_pretrained(tmp_path)
    (tmp_path / "offload").mkdir()
    model, sites = offloaded(tmp_path, "qwen3_moe", "250KB")
    results = []
    for probe in (whole, replace(whole, model=model, loaded_sites=sites)):
        loaded, prompts = inv.loaded(probe), encoded(8)
        units = directions(loaded, prompts[:4], prompts[4:], batch_rows=8)
        plain = probe.logits()
        with projected_out(loaded, only(torch.Tensor, units[1])):
            results.append((units, probe.logits()))
        assert torch.equal(probe.logits(), plain)
        assert not torch.equal(results[-1][1], plain)
    assert torch.allclose(
        only(torch.Tensor, results[0][0]), only(torch.Tensor, results[1][0]), atol=1e-5
    )
    assert inv.distance(whole, results[0][1], results[1][1]) < inv.TOLERANCE
