"""The refusal direction by hand, and what is left of it in the residual stream: nothing."""

from __future__ import annotations

import pytest
import torch

from gatekeeper.engine.generate.batching import left_padded, positions
from gatekeeper.engine.generate.prefix_sharing import decoder_layers
from gatekeeper.engine.measure.features import residual_features
from gatekeeper.engine.measure.refusal_direction import directions, projected_out
from tests.engine.tiny_loaded import encoded, loaded, loaded_with
from tests.engine.zoo import AUDITABLE, SCORING
from tests.typed import only, some

FAMILIES = [
    pytest.param(name, marks=() if name in SCORING else pytest.mark.slow) for name in AUDITABLE
]


def logits(model, count=2):
    ids, attention = left_padded([encoded(4)[2].ids] * count, model.pad_id, model.device)
    with torch.inference_mode():
        return model.model(
            input_ids=ids,
            attention_mask=attention,
            position_ids=positions(attention),
            use_cache=False,
        ).logits


def hooks_of(model) -> int:
    modules = model.model.modules()
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules)


def unit_of(model, layer=1):
    prompts = encoded(8)
    found = directions(model, prompts[:4], prompts[4:], batch_rows=3)
    assert isinstance(found, torch.Tensor), found
    return found[layer]


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_along_the_direction_is_left_and_afterwards_all_is_as_before(family):
    model = loaded(family)
    unit, plain, hooks = unit_of(model), logits(model), hooks_of(model)
    layers, seen = some(decoder_layers(model.model, model.sites)), []

    def keep(_module, _args, out):
        seen.append(out if isinstance(out, torch.Tensor) else out[0])

    with projected_out(model, unit):
        handles = [layer.register_forward_hook(keep) for layer in layers]
        without = logits(model)
        for handle in handles:
            handle.remove()
    assert len(seen) == len(layers)
    for states in seen:
        streams = states.reshape(-1, len(unit))
        assert (streams @ unit).abs().max() < 1e-5 * streams.norm(dim=-1).max()
    assert not torch.equal(without, plain)
    assert hooks_of(model) == hooks
    assert torch.equal(logits(model), plain)


def test_the_first_layer_already_reads_a_stream_without_it():
    model = loaded("qwen3_moe")
    unit, seen = unit_of(model), []
    first = some(decoder_layers(model.model, model.sites))[0]
    with projected_out(model, unit):
        handle = first.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
        logits(model)
        handle.remove()
    assert (seen[0] @ unit).abs().max() < 1e-5


def test_an_error_in_the_middle_leaves_no_hook():
    model = loaded("mixtral")
    unit, hooks = unit_of(model), hooks_of(model)
    with pytest.raises(RuntimeError, match="planted"), projected_out(model, unit):
        raise RuntimeError("planted")
    assert hooks_of(model) == hooks


@pytest.mark.parametrize("family", ["qwen3_moe", "glm_moe_dsa", "lfm2_moe"])
def test_it_is_the_unit_difference_of_means_at_the_last_prompt_token(family):
    model, prompts = loaded(family), encoded(8)
    found = only(torch.Tensor, directions(model, prompts[:5], prompts[5:], batch_rows=2))
    assert found.dtype == torch.float32
    for layer in range(len(found)):
        states = residual_features(model, prompts, None, layer=layer, batch_rows=8)
        apart = torch.from_numpy(states[:5].mean(axis=0) - states[5:].mean(axis=0))
        assert torch.allclose(only(torch.Tensor, found[layer]), apart / apart.norm(), atol=1e-4)
        assert float(only(torch.Tensor, found[layer]).norm()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("family", ["deepseek_v4", "qwen4_exp"])
def test_several_streams_have_one_direction_of_their_mean(family):
    model, prompts = loaded(family), encoded(8)
    found = only(torch.Tensor, directions(model, prompts[:4], prompts[4:], batch_rows=8))
    assert found.shape == (4, 32)
    features = residual_features(model, prompts, None, layer=2, batch_rows=8)
    states = torch.from_numpy(features).reshape(8, 4, 32).mean(dim=1)
    apart = states[:4].mean(dim=0) - states[4:].mean(dim=0)
    assert torch.allclose(only(torch.Tensor, found[2]), apart / apart.norm(), atol=1e-4)


def test_prompts_that_leave_the_same_states_have_none():
    model, prompts = loaded("qwen3_moe"), encoded(4)
    found = directions(model, prompts, prompts, batch_rows=8)
    assert found == "refused and answered prompts leave the same hidden states"


def test_low_precision_keeps_its_format():
    model = loaded_with("qwen3_moe", 3)
    model.model.to(torch.bfloat16)
    unit, seen = unit_of(model), []
    with projected_out(model, unit):
        layer = some(decoder_layers(model.model, model.sites))[1]
        handle = layer.register_forward_hook(lambda _m, _a, out: seen.append(out))
        logits(model)
        handle.remove()
    assert seen[0].dtype == torch.bfloat16
    states = seen[0].float()
    assert (states @ unit).abs().max() < 0.01 * states.norm(dim=-1).max()
