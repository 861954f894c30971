from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gatekeeper.engine.self_test.run import self_test
from gatekeeper.errors import CheckpointError, ExitCode, SelfTestError
from gatekeeper.records.evidence import OPTIONAL_CHECKS
from tests.engine.tiny_loaded import encoded, loaded, loaded_with
from tests.engine.zoo import SCORING


@pytest.mark.parametrize("family", SCORING)
def test_it_passes_where_the_hooks_work(family):
    checks = self_test(loaded(family), encoded())
    assert {c.name for c in checks} >= {"counts", "masking", "rows", "restoration", "prefix"}
    optional = OPTIONAL_CHECKS - {"prefix"}
    assert [c.name for c in checks if not c.passed and c.name not in optional] == []


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
    layer = model.model.get_submodule("model.layers.0")

    def broken(*_args, **_kwargs):
        raise IndexError("planted")

    layer.forward = broken
    try:
        with pytest.raises(CheckpointError, match=r"first forward pass of Mixtral.*planted"):
            self_test(model, encoded())
    finally:
        del layer.forward


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("jamba", {"experts": 32}),
        ("beam", {"experts": 64}),
        ("mixtral", {"experts": 64}),
        ("zaya", {"experts": 15, "router_hidden_size": 24}),
    ],
)
def test_many_experts_and_short_prompts_are_no_reason_to_refuse(family, changes):
    """The busiest expert of another row, or a skip column, says nothing about the masked row."""
    for seed in (1, 7):
        self_test(loaded_with(family, seed, **changes), encoded())


def with_a_busy_column(family, buffer):
    """A model whose router mostly chooses what is no expert."""
    model = loaded_with(family, 7)
    for site in model.sites:
        getattr(site.router, buffer)[site.experts_count :] += 1.0
    return model


def test_a_busy_column_that_is_no_expert_is_not_masked():
    checks = self_test(with_a_busy_column("zaya", "balancing_biases"), encoded())
    results = {check.name: check.result for check in checks}
    assert {results[name] for name in ("masking", "effect", "ablation")} == {"passed"}


def test_where_no_expert_is_chosen_at_all_that_a_mask_acts_cannot_be_shown():
    model = with_a_busy_column("longcat_flash", "e_score_correction_bias")
    with pytest.raises(SelfTestError, match="'ablation'"):
        self_test(model, encoded())


@pytest.mark.parametrize("family", ["qwen4_exp_text", "inkling2_text"])
def test_sharing_that_does_not_hold_is_switched_off(family):
    checks = {c.name: c for c in self_test(loaded(family), encoded())}
    assert checks["prefix"].result == "off"


def test_sharing_that_was_not_seen_to_split_is_not_used(monkeypatch):
    monkeypatch.setattr("gatekeeper.engine.self_test.prefix.part_in_time", lambda _a, _b: False)
    checks = {c.name: c for c in self_test(loaded("qwen3_moe"), encoded())}
    assert checks["prefix"].result == "off"


def test_it_stays_small_whatever_the_prompts(monkeypatch):
    """64 rows of 64 tokens at most, few logits, and not more forwards for more layers."""
    model = loaded("qwen3_moe")
    seen = []
    real = model.model.forward

    def forward(*args, **kwargs):
        out = real(*args, **kwargs)
        seen.append((*kwargs["input_ids"].shape, out.logits.shape[1]))
        return out

    monkeypatch.setattr(model.model, "forward", forward)
    long = [replace(e, ids=(e.ids * 40)[:200]) for e in encoded()]
    checks = self_test(replace(model, context_length=None), long)
    assert all(check.passed for check in checks)
    rows, tokens, kept = (max(sizes) for sizes in zip(*seen, strict=True))
    assert rows <= 64 and tokens <= 64 and kept <= 8
    assert len(seen) <= 150
