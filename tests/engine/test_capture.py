from __future__ import annotations

import numpy as np
import torch

from gatekeeper.engine.capture import DECISION_TOKENS, capture
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


def test_counts_of_both_windows_are_those_of_the_routers():
    model, prompts = loaded("mixtral"), encoded(5)
    profile = capture(model, describe(model), prompts, batch_rows=2)
    assert profile.prompt_ids == tuple(p.prompt.id for p in prompts)
    for row, item in enumerate(prompts):
        chosen = by_hand(model, item.ids)
        assert np.array_equal(profile.counts["prompt"][row], chosen.sum(axis=0))
        last = chosen[-DECISION_TOKENS:]
        assert np.array_equal(profile.counts["decision"][row], last.sum(axis=0))
        assert profile.tokens["prompt"][row] == len(item.ids)
        assert profile.tokens["decision"][row] == min(len(item.ids), DECISION_TOKENS)


def test_frequency_is_a_share_of_tokens():
    model = loaded("mixtral")
    profile = capture(model, describe(model), encoded(3), batch_rows=8)
    frequency = profile.frequency("prompt", np.arange(3))
    assert np.allclose(frequency.sum(axis=2), [[s.top_k for s in model.sites]] * 3)
