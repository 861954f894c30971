from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gatekeeper.engine.self_test import self_test
from gatekeeper.errors import CheckpointError, ExitCode, SelfTestError
from tests.engine.tiny_loaded import encoded, loaded
from tests.engine.zoo import SCORING


@pytest.mark.parametrize("family", SCORING)
def test_it_passes_where_the_hooks_work(family):
    checks = self_test(loaded(family), encoded())
    assert {c.name for c in checks} >= {"counts", "masking", "rows", "restoration", "prefix"}
    assert all(c.passed for c in checks)


class _Deaf(torch.nn.Module):
    """A router that hooks cannot reach: its choice is fixed before they act."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.top_k = inner, inner.top_k

    def forward(self, hidden):
        tokens = hidden.reshape(-1, hidden.shape[-1]).shape[0]
        chosen = torch.zeros(tokens, 2, dtype=torch.int64)
        chosen[:, 1] = 1
        return hidden, torch.full((tokens, 2), 0.5), chosen


def test_a_router_that_ignores_the_mask_is_caught():
    model = loaded("mixtral")
    site = model.sites[1]
    block = model.model.get_submodule(site.path)
    original = block.gate
    block.gate = _Deaf(original)
    try:
        deaf = replace(
            model,
            sites=(
                *model.sites[:1],
                replace(site, router=block.gate),
                *model.sites[2:],
            ),
        )
        with pytest.raises(SelfTestError, match=r"masking.*Mixtral") as caught:
            self_test(deaf, encoded())
    finally:
        block.gate = original
    assert caught.value.exit_code == ExitCode.AUDIT_FAILED


def test_a_model_that_cannot_run_is_refused_with_its_name():
    model = loaded("mixtral")
    layer = model.model.model.layers[0]

    def broken(*_args, **_kwargs):
        raise IndexError("planted")

    layer.forward = broken
    try:
        with pytest.raises(CheckpointError, match=r"first forward pass of Mixtral.*planted"):
            self_test(model, encoded())
    finally:
        del layer.forward
