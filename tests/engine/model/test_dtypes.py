"""Half precision: what is exact stays exact, and an expert that overflows can still be ablated."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.engine import invariants as inv

FAMILIES = ("mixtral", "qwen2_moe", "deepseek_v3", "gpt_oss", "granitemoe", "jetmoe", "llama4_text")


@pytest.fixture
def half(request, family, dtype):
    made = inv.probe(family)
    before = {name: t.clone() for name, t in made.model.state_dict().items()}
    made.model.to(dtype)

    def back():
        made.model.to(torch.float32)
        made.model.load_state_dict(before)

    request.addfinalizer(back)
    return made


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_exact_invariants_hold_in_half_precision(half):
    plain = half.logits()
    assert plain.dtype in {torch.bfloat16, torch.float16, torch.float32}
    busy = half.busy(1)
    tokens = half.attention.sum(dim=1)
    with half.instrument() as instrument:
        half.mask(instrument, [], [], [])
        assert torch.equal(half.logits(), plain)
        half.mask(instrument, busy, busy, busy)
        counts = half.count(instrument)
        masked = half.logits()
        half.mask(instrument, busy, busy, busy, mode="ablate")
        ablated = half.logits()
    for i, (site, (_, expert)) in enumerate(zip(half.sites, busy, strict=True)):
        assert counts[:, i, expert].sum() == 0
        assert counts[:, i].sum(dim=1).tolist() == (tokens * site.top_k).tolist()
    assert torch.isfinite(masked).all() and torch.isfinite(ablated).all()
    assert not torch.equal(masked, plain) and not torch.equal(ablated, plain)
    assert torch.equal(half.logits(), plain)


@pytest.mark.parametrize("dtype", [torch.float16], ids=["float16"])
@pytest.mark.parametrize(
    "family", ["mixtral", "qwen2_moe", "deepseek_v3", "gpt_oss", "zaya", "llama4_text", "jetmoe"]
)
def test_an_ablated_expert_that_overflows_leaves_no_nan(half):
    layer, expert = half.busy(1)[0]
    site = next(s for s in half.sites if s.layer == layer)
    down = next(p for n, p in site.experts.named_parameters() if "down" in n or n == "weight")
    down[expert] = torch.finfo(torch.float16).max
    assert not torch.isfinite(half.logits()).all()  # or this shows nothing
    with half.instrument() as instrument:
        half.mask(instrument, *[[(layer, expert)]] * 3, mode="ablate")
        counts = half.count(instrument)
        assert torch.isfinite(half.logits()).all()
    place = [s.layer for s in half.sites].index(layer)
    assert counts[:, place, expert].sum() > 0  # still selected: ablation is not reroute


@pytest.mark.parametrize("dtype", [torch.bfloat16], ids=["bfloat16"])
@pytest.mark.parametrize("family", ["mixtral"])
def test_a_self_test_passes_in_half_precision(half, dtype):
    from gatekeeper.engine.self_test.run import self_test
    from tests.engine.tiny_loaded import encoded

    checks = self_test(replace(inv.loaded(half), dtype=dtype), encoded())
    assert all(c.passed for c in checks if c.name != "prefix")
