from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper.engine.measure.attribute import (
    FirstToken,
    TargetTokens,
    attribute,
    target_tokens,
)
from tests.engine.tiny_loaded import encoded, loaded
from tests.typed import only

TARGET = TargetTokens(refusal=(9, 10), compliance=(20, 21, 22))


def said(name="regular", **counts):
    """First tokens of replies to a set, so many of each by outcome."""
    return [
        FirstToken(token=token, outcome=outcome, set=name)
        for outcome, tokens in counts.items()
        for token, count in tokens.items()
        for _ in range(count)
    ]


def test_only_the_prompts_asked_for_are_attributed():
    """That the scores are derivatives is an invariant of every architecture: test_invariants."""
    model, prompts = loaded("mixtral"), encoded(3)
    scores = attribute(model, prompts, [0, 2], TARGET, batch_rows=2)
    assert scores.shape == (3, len(model.sites), model.width)
    assert np.isnan(scores[1]).all()
    assert np.isfinite(scores[[0, 2]]).all()
    alone = attribute(model, prompts, [2], TARGET, batch_rows=1)
    assert np.allclose(alone[2], scores[2], atol=1e-5)


@pytest.mark.parametrize(("free", "largest"), [(None, 4), (1 << 40, 4), (320_000, 2), (1, 1)])
def test_batches_are_as_large_as_memory_holds_gradients(monkeypatch, free, largest):
    model, prompts = loaded("mixtral"), encoded(4)
    whole = attribute(model, prompts, range(4), TARGET, batch_rows=4)
    rows = []
    real = model.model.forward

    def forward(*args, **kwargs):
        rows.append(kwargs["input_ids"].shape[0])
        return real(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", forward)
    monkeypatch.setattr("gatekeeper.engine.measure.attribute.available_memory", lambda: free)
    scores = attribute(model, prompts, range(4), TARGET, batch_rows=4)
    assert max(rows) == largest
    assert np.allclose(scores, whole, atol=1e-5)


def test_what_a_layer_works_in_counts_beside_what_gradients_keep(monkeypatch):
    """Attention that writes scores down: as many rows as fit with three copies of a layer's."""
    model = loaded("gpt_oss")
    prompts = [replace(p, ids=(7 + i,) * 600) for i, p in enumerate(encoded(4))]
    scores = 3 * 4 * 4 * 600**2
    rows = []
    real = model.model.forward

    def forward(*args, **kwargs):
        rows.append(kwargs["input_ids"].shape[0])
        return real(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", forward)
    monkeypatch.setattr(
        "gatekeeper.engine.measure.attribute.available_memory", lambda: int(6.2 * scores)
    )
    attribute(model, prompts, range(4), TARGET, batch_rows=4)
    assert max(rows) == 1


def test_openings_come_from_judged_replies_and_lean():
    replies = [FirstToken(token=1, outcome="refuse")] * 9 + [FirstToken(token=2, outcome="refuse")]
    replies += [FirstToken(token=3, outcome="comply")] * 7 + [FirstToken(token=2, outcome="comply")]
    target = target_tokens(replies)
    assert target == TargetTokens(refusal=(1,), compliance=(3,))


def _of_part(part, known, other):
    """Refusals of a part, so many of which begin as all do."""
    return [FirstToken(token=2, outcome="refuse", parts=(part,))] * known + [
        FirstToken(token=1, outcome="refuse", parts=(part,))
    ] * other


def test_a_part_may_begin_otherwise_as_far_as_its_limit_lets_go():
    for part, known, other in (("language ja", 112, 28), ("category theft", 26, 16)):
        replies = said(refuse={2: 400}, comply={1: 60}) + _of_part(part, known, other)
        assert target_tokens(replies) == TargetTokens(refusal=(2,), compliance=(1,))


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([FirstToken(token=1, outcome="refuse")] * 9, "comply"),
        ([FirstToken(token=1, outcome="comply")] * 9, "refuse"),
        ([FirstToken(token=1, outcome=o) for o in ("refuse", "comply") * 9], "same tokens"),
        (said(refuse={1: 190, 2: 6}, comply={1: 180, 3: 16}), "only 6 of 196 refusals begin"),
        (said(refuse={2: 50}, comply=dict.fromkeys(range(10, 30), 3)), "only 24 of 60 answers"),
        (
            said(refuse={2: 50}, comply={1: 60}) + said("jailbreak", refuse={1: 4, 2: 3}),
            "only 3 of 7 refusals of jailbreak prompts begin",
        ),
        (
            said(refuse={2: 50}, comply={1: 60}) + said("jailbreak", refuse={1: 6, 2: 44}),
            "only 44 of 50 refusals of jailbreak prompts begin",
        ),
        (
            said(refuse={2: 95}, comply={1: 60})
            + [FirstToken(token=1, outcome="refuse", parts=("language ja",))] * 5,
            "only 0 of 5 refusals of regular prompts, language ja, begin",
        ),
        (
            said(refuse={2: 280}, comply={1: 60})
            + _of_part("language ja", 101, 39),  # 9 % of all, and as much as a limit forbids
            "only 101 of 140 refusals of regular prompts, language ja, begin",
        ),
        (
            said(refuse={2: 378}, comply={1: 60}) + _of_part("category theft", 22, 20),
            "only 22 of 42 refusals of regular prompts, category theft, begin",
        ),
    ],
)
def test_no_openings_is_a_reason_not_a_guess(replies, reason):
    assert reason in only(str, target_tokens(replies))


def test_openings_that_begin_half_of_the_answers_will_do():
    replies = said(refuse={1: 40}, comply=dict.fromkeys(range(10, 26), 3))
    replies += said("jailbreak", refuse={1: 1, 12: 3})  # too few to speak of
    assert target_tokens(replies) == TargetTokens(
        refusal=(1,), compliance=(10, 11, 13, 14, 15, 16, 17, 18)
    )
