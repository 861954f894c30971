from __future__ import annotations

import numpy as np
import pytest
import torch

from gatekeeper.engine.attribute import (
    FirstToken,
    Openings,
    attribute,
    first_tokens,
    openings,
)
from gatekeeper.engine.batching import left_padded, positions
from gatekeeper.engine.routing import Instrument
from tests.engine.tiny_loaded import encoded, loaded

TARGET = Openings(refusal=(9, 10), compliance=(20, 21, 22))


def log_odds(model, ids, factor=None):
    tokens, mask = left_padded([ids], 0, torch.device("cpu"))
    with Instrument(model.sites) as instrument, torch.no_grad():
        instrument.factor = factor
        out = model.model(
            input_ids=tokens, attention_mask=mask, position_ids=positions(mask), use_cache=False
        ).logits[0, -1]
    return float(out[list(TARGET.refusal)].logsumexp(0) - out[list(TARGET.compliance)].logsumexp(0))


@pytest.mark.parametrize("family", ["mixtral", "qwen2_moe", "deepseek_v3"])
def test_scores_are_the_derivative_by_finite_differences(family):
    model, prompts = loaded(family), encoded(3)
    scores = attribute(model, prompts, [0, 2], TARGET, batch_rows=2)
    assert np.isnan(scores[1]).all()
    shape = (1, len(model.sites), model.width)
    step = 1e-2
    checked = 0
    for layer, expert in [(0, 0), (0, 3), (1, 2), (1, 5), (1, 7)]:
        up, down = torch.ones(shape), torch.ones(shape)
        up[0, layer, expert] += step
        down[0, layer, expert] -= step
        slope = (log_odds(model, prompts[2].ids, up) - log_odds(model, prompts[2].ids, down)) / (
            2 * step
        )
        assert scores[2, layer, expert] == pytest.approx(slope, abs=2e-3)
        checked += abs(slope) > 1e-2
    assert checked >= 1


def test_openings_come_from_judged_replies_and_lean():
    replies = [FirstToken(token=1, outcome="refuse")] * 8 + [FirstToken(token=2, outcome="refuse")]
    replies += [FirstToken(token=3, outcome="comply")] * 7 + [FirstToken(token=2, outcome="comply")]
    target = openings(replies)
    assert target == Openings(refusal=(1,), compliance=(3,))


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([FirstToken(token=1, outcome="refuse")] * 9, "comply"),
        ([FirstToken(token=1, outcome="comply")] * 9, "refuse"),
        ([FirstToken(token=1, outcome=o) for o in ("refuse", "comply") * 9], "same tokens"),
    ],
)
def test_no_openings_is_a_reason_not_a_guess(replies, reason):
    assert reason in openings(replies)


def test_first_tokens_are_the_greedy_ones():
    model, prompts = loaded("mixtral"), encoded(3)
    found = first_tokens(model, prompts, batch_rows=2)
    for item in prompts:
        with torch.inference_mode():
            out = model.model(input_ids=torch.tensor([item.ids]), use_cache=False).logits
        assert found[item.prompt.id] == int(out[0, -1].argmax())
