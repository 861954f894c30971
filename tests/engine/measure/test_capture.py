from __future__ import annotations

import numpy as np
import torch

from gatekeeper.engine.measure.capture import DECISION_TOKENS, capture
from gatekeeper.records.model import ModelDescription, MoeSite
from tests.engine.tiny_loaded import encoded, loaded


def describe(model) -> ModelDescription:
    return ModelDescription(
        model_type="mixtral",
        architecture="MixtralForCausalLM",
        dtype="float32",
        layers=4,
        sites=tuple(
            MoeSite(layer=s.layer, path=s.path, experts=s.experts_count, top_k=s.top_k, shared=0)
            for s in model.sites
        ),
        parameters=1,
        active_parameters=1,
        context_length=64,
    )


def by_hand(model, ids):
    """Counts of one prompt, from what each router returned: [tokens, L, E]."""
    seen = []
    handles = [
        s.router.register_forward_hook(lambda _m, _a, out: seen.append(out[2])) for s in model.sites
    ]
    with torch.inference_mode():
        model.model(input_ids=torch.tensor([ids]), use_cache=False)
    for handle in handles:
        handle.remove()
    return torch.stack(
        [torch.nn.functional.one_hot(i, model.width).sum(dim=1) for i in seen], dim=1
    ).numpy()


REPLIES = [(9, 10, 11), (12,), (), (13, 14), (15, 16, 17, 18)]


def test_counts_of_all_windows_are_those_of_the_routers():
    model, prompts = loaded("mixtral"), encoded(5)
    profile = capture(model, describe(model), prompts, REPLIES, batch_rows=2)
    assert profile.prompt_ids == tuple(p.prompt.id for p in prompts)
    for row, (item, reply) in enumerate(zip(prompts, REPLIES, strict=True)):
        length, fed = len(item.ids), reply[:-1]
        chosen = by_hand(model, [*item.ids, *fed])
        windows = {
            "prompt": chosen[:length],
            "decision": chosen[:length][-DECISION_TOKENS:],
            "generated": chosen[length:],
        }
        for name, counted in windows.items():
            assert np.array_equal(profile.counts[name][row], counted.sum(axis=0)), name
            assert profile.tokens[name][row] == len(counted)


def test_gate_weights_of_a_renormalising_router_sum_to_the_tokens():
    model = loaded("mixtral")
    profile = capture(model, describe(model), encoded(3), REPLIES[:3], batch_rows=8)
    for name, weights in profile.weights.items():
        sums = weights.sum(axis=2)
        assert np.allclose(sums, profile.tokens[name][:, None], atol=1e-4)


def test_frequency_is_a_share_of_tokens():
    model = loaded("mixtral")
    profile = capture(model, describe(model), encoded(3), REPLIES[:3], batch_rows=8)
    frequency = profile.frequency("prompt", np.arange(3))
    assert np.allclose(frequency.sum(axis=2), [[s.top_k for s in model.sites]] * 3)
