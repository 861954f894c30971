from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gatekeeper.engine.generate.prefix_sharing import decoder_layers
from gatekeeper.engine.measure.capture import capture
from gatekeeper.engine.measure.features import ExpertFeatures, expert_features, residual_features
from gatekeeper.errors import AuditError
from gatekeeper.records.model import ExpertId
from gatekeeper.records.trial import Mask, bare_mask
from tests.engine.measure.test_capture import describe
from tests.engine.tiny_loaded import encoded, loaded
from tests.typed import only, some

#: Families with hooks of their own for noise, and two without.
FAMILIES = ("qwen3_moe", "mixtral", "llama4_text", "jetmoe", "dbrx", "longcat_flash", "zaya")


def every_expert(model) -> list[ExpertId]:
    return [ExpertId(s.layer, e) for s in model.sites for e in range(s.experts_count)]


def mask(*experts: ExpertId, mode: str = "reroute") -> Mask:
    return bare_mask(experts, mode)


def by_hand(model, ids, expert):
    """Mean of W_down(silu(W_gate x) · W_up x) over the tokens that the router chose it for."""
    site = next(s for s in model.sites if s.layer == expert.layer)
    seen: dict[Any, Any] = {}
    handles = [
        site.router.register_forward_hook(lambda _m, _a, out: seen.update(chosen=out[2])),
        site.experts.register_forward_pre_hook(lambda _m, args: seen.update(hidden=args[0])),
    ]
    with torch.inference_mode():
        model.model(input_ids=torch.tensor([ids]), use_cache=False)
    for handle in handles:
        handle.remove()
    routed = (seen["chosen"] == expert.expert).any(dim=1)
    x = seen["hidden"].reshape(len(ids), -1)[routed]
    gate, up = (x @ site.experts.gate_up_proj[expert.expert].T).chunk(2, dim=1)
    out = (torch.nn.functional.silu(gate) * up) @ site.experts.down_proj[expert.expert].T
    return int(routed.sum()), out.mean(dim=0).numpy() if len(out) else np.zeros(out.shape[1])


def test_outputs_are_those_of_the_ffn_on_the_routed_tokens():
    model, prompts = loaded("qwen3_moe"), encoded(4)
    experts = every_expert(model)
    found = only(ExpertFeatures, expert_features(model, prompts, experts, batch_rows=4))
    assert found.outputs.dtype == np.float32
    assert found.tokens.dtype == np.int32
    assert found.experts == tuple(experts)
    for row, item in enumerate(prompts):
        for column, expert in enumerate(experts):
            tokens, output = by_hand(model, item.ids, expert)
            assert found.tokens[row, column] == tokens
            assert np.allclose(found.outputs[row, column], output, atol=1e-5)
    assert (found.tokens == 0).any()
    assert not found.outputs[found.tokens == 0].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_that_were_counted_whatever_the_batch(family):
    model, prompts = loaded(family), encoded(4)
    experts = every_expert(model)
    found = only(ExpertFeatures, expert_features(model, prompts, experts, batch_rows=4))
    profile = capture(model, describe(model), prompts, [()] * 4, batch_rows=4)
    place = {s.layer: i for i, s in enumerate(model.sites)}
    for column, (layer, expert) in enumerate(experts):
        counts = profile.counts["prompt"][:, place[layer], expert]
        assert np.array_equal(found.tokens[:, column], counts)
    alone = only(ExpertFeatures, expert_features(model, prompts, experts, batch_rows=1))
    assert np.array_equal(alone.tokens, found.tokens)
    assert np.allclose(alone.outputs, found.outputs, atol=1e-4)
    used = found.tokens > 0
    assert np.abs(found.outputs[used]).max(axis=1).min() > 0


def test_listening_changes_nothing_and_leaves_no_hook():
    model, prompts = loaded("qwen3_moe"), encoded(2)
    before = residual_features(model, prompts, None, layer=None, batch_rows=2)
    expert_features(model, prompts, every_expert(model)[:3], batch_rows=2)
    after = residual_features(model, prompts, None, layer=None, batch_rows=2)
    assert np.array_equal(before, after)
    for module in model.model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_family_that_shows_no_expert_is_told_of():
    model = loaded("qwen3_moe")
    mute = replace(model, sites=tuple(replace(s, attach=lambda *_given: []) for s in model.sites))
    found = only(str, expert_features(mute, encoded(2), every_expert(model)[:2], batch_rows=2))
    assert "does not show" in found


def test_unknown_experts_and_layers_are_refused():
    model = loaded("qwen3_moe")
    with pytest.raises(AuditError, match="does not route"):
        expert_features(model, encoded(1), [ExpertId(99, 0)], batch_rows=1)
    with pytest.raises(AuditError, match="no decoder layer 99"):
        residual_features(model, encoded(1), None, layer=99, batch_rows=1)


def test_residuals_are_the_hidden_states_of_the_last_prompt_token():
    model, prompts = loaded("qwen3_moe"), encoded(4)
    head = residual_features(model, prompts, None, layer=None, batch_rows=4)
    behind = residual_features(model, prompts, None, layer=0, batch_rows=4)
    assert head.dtype == np.float32
    for row, item in enumerate(prompts):
        with torch.inference_mode():
            out = model.model(
                input_ids=torch.tensor([item.ids]), use_cache=False, output_hidden_states=True
            )
        assert np.allclose(behind[row], out.hidden_states[1][0, -1].numpy(), atol=1e-5)
        logits = torch.from_numpy(head[row]) @ model.model.get_parameter("lm_head.weight").T
        assert np.allclose(logits.detach().numpy(), out.logits[0, -1].numpy(), atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_residuals_of_a_batch_are_those_alone_under_a_mask(family):
    model, prompts = loaded(family), encoded(4)
    masked = mask(ExpertId(model.sites[0].layer, 0), ExpertId(model.sites[-1].layer, 1))
    for layer in (None, len(some(decoder_layers(model.model, model.sites))) - 1):
        batch = residual_features(model, prompts, masked, layer=layer, batch_rows=4)
        alone = residual_features(model, prompts, masked, layer=layer, batch_rows=1)
        assert np.allclose(batch, alone, atol=1e-4)


def test_a_mask_changes_nothing_below_it():
    model, prompts = loaded("qwen3_moe"), encoded(3)
    last = model.sites[-1].layer
    busiest = only(
        ExpertFeatures, expert_features(model, prompts, every_expert(model), batch_rows=3)
    )
    here = [i for i, e in enumerate(busiest.experts) if e.layer == last]
    masked = mask(busiest.experts[max(here, key=lambda i: busiest.tokens[:, i].sum())])
    below = [
        residual_features(model, prompts, m, layer=last - 1, batch_rows=3) for m in (None, masked)
    ]
    assert np.array_equal(below[0], below[1])
    for mode in ("reroute", "ablate", "noise:0.5"):
        at = residual_features(model, prompts, replace(masked, mode=mode), layer=last, batch_rows=3)
        assert not np.allclose(
            at, residual_features(model, prompts, None, layer=last, batch_rows=3)
        )
