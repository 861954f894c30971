from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gatekeeper.engine.measure.attribute import TargetTokens, attribute
from gatekeeper.engine.model.int8 import rounded, to_int8
from gatekeeper.engine.self_test.run import self_test
from tests.engine.tiny_loaded import encoded, loaded_with


def linear(out: int, width: int) -> nn.Linear:
    torch.manual_seed(3)
    return nn.Linear(width, out).requires_grad_(False)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_rounding_keeps_255_levels_and_errs_by_half_a_step(seed, scale):
    values = scale * torch.randn(5, 40, generator=torch.Generator().manual_seed(seed))
    found = rounded(values, dim=1)
    step = values.abs().amax(dim=1, keepdim=True) / 127
    assert ((found - values).abs() <= step / 2 * 1.001).all()
    levels = found / step
    assert torch.allclose(levels, levels.round(), atol=1e-2)
    assert levels.abs().max() <= 127.01


def test_nothing_is_rounded_to_nothing():
    assert torch.equal(rounded(torch.zeros(2, 3), dim=1), torch.zeros(2, 3))


def test_it_computes_what_int8_kernels_do():
    """torch's own dynamic quantisation errs as much: neither is exact, both are int8."""
    own = linear(48, 64)
    exact = linear(48, 64)
    states = torch.randn(200, 64, generator=torch.Generator().manual_seed(5))
    wanted = exact(states)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces the move to torchao
        quantize = pytest.importorskip("torch.ao.quantization").quantize_dynamic
        kernel = quantize(nn.Sequential(exact), {nn.Linear}, dtype=torch.qint8)
        if torch.backends.quantized.engine == "none":
            pytest.skip("this build of torch has no int8 kernels")
        theirs = kernel(states)
    model = nn.ModuleDict({"layer": own})
    to_int8(model, ())
    ours = own(states)
    spread = wanted.std()
    assert 0 < (ours - wanted).std() < 0.02 * spread
    assert (theirs - wanted).std() < 0.05 * spread
    assert (ours - theirs).std() < 0.05 * spread


@pytest.mark.parametrize(
    "family", ["qwen3_moe", "mixtral", "gpt_oss", "deepseek_v3", "llama4_text"]
)
def test_models_are_rounded_and_still_read(family):
    """Experts and attention are rounded along their inputs, routers and head are not."""
    plain, found = loaded_with(family, 7), loaded_with(family, 7)
    to_int8(found.model, tuple(found.architecture.find(found.model)))
    for before, after in zip(plain.sites, found.sites, strict=True):
        for a, b in zip(before.router.parameters(), after.router.parameters(), strict=True):
            assert torch.equal(a, b)
        stacks = [
            (a, b)
            for a, b in zip(before.experts.parameters(), after.experts.parameters(), strict=True)
            if a.dim() == 3
        ]
        assert stacks
        inner = 1 if getattr(before.experts, "is_transposed", False) else 2
        for a, b in stacks:
            assert torch.equal(b, rounded(a, dim=inner)) and not torch.equal(a, b)
    heads = [made.model.get_parameter("lm_head.weight") for made in (found, plain)]
    assert torch.equal(*heads)
    assert all(check.result != "failed" for check in self_test(found, encoded()))
    ids = torch.tensor([encoded()[3].ids])
    with torch.no_grad():
        before, after = plain.model(input_ids=ids).logits, found.model(input_ids=ids).logits
    assert not torch.equal(before, after)
    assert (before - after).std() < 0.5 * before.std()


def test_the_gradient_passes():
    found = loaded_with("qwen3_moe", 7)
    to_int8(found.model, found.sites)
    target = TargetTokens(refusal=(5,), compliance=(9,))
    scores = attribute(found, encoded(), [0, 1, 2], target, batch_rows=2)
    plain = attribute(loaded_with("qwen3_moe", 7), encoded(), [0, 1, 2], target, batch_rows=2)
    assert (scores[:3] != 0).any()
    close = np.corrcoef(scores[:3].ravel(), plain[:3].ravel())[0, 1]
    assert close > 0.9
