"""Rows that enter a running batch, and what they begin with."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.engine.generate import batch_state as module
from gatekeeper.engine.generate import batching
from gatekeeper.engine.generate.kv_cache import join
from tests.engine.decoding import PLAIN_CACHES, ending, queue_of, run_masks
from tests.engine.invariants import mask
from tests.engine.tiny_loaded import encoded, loaded


@pytest.mark.parametrize("family", [*PLAIN_CACHES, "gpt_oss", "qwen3_next", "minimax"])
@pytest.mark.parametrize("share", [False, True])
def test_rows_that_enter_late_say_what_they_say_in_a_batch_of_their_own(family, share):
    """Caches that are not plain take new rows when the batch is empty."""
    model = loaded(family)
    prompts, masks = queue_of(model, seed=len(family))
    model = ending(model, range(3, 999, 8))
    plain = run_masks(model, prompts, masks, share=False, new_tokens=13)
    assert len({len(r.ids) for r in plain}) > 1
    entered: list[Any] = []
    real = module.Running.join

    def watch(self, others):
        entered.extend(len(other.rows) for other in others)
        real(self, others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.Running, "join", watch)
        late = run_masks(model, prompts, masks, share=share, slots=4, refill=True, new_tokens=13)
    assert late == plain
    assert (sum(entered) > 0) == (family in PLAIN_CACHES)


@pytest.mark.parametrize("share", [False, True])
def test_several_small_batches_enter_a_running_one_at_once(monkeypatch, share):
    model = loaded("mixtral")
    prompts, masks = queue_of(model, seed=4, count=24)
    model = ending(model, range(3, 999, 8))
    plain = run_masks(model, prompts, masks, share=False, new_tokens=13)
    entered, real = [], module.Running.join

    def watch(self, others):
        entered.append([len(other.rows) for other in others])
        real(self, others)

    monkeypatch.setattr(module.Running, "join", watch)
    monkeypatch.setattr(batching, "READING", 2)
    late = run_masks(model, prompts, masks, share=share, slots=9, refill=True, new_tokens=13)
    assert late == plain
    assert max(map(len, entered)) > 2


@pytest.mark.parametrize("slots", [1, 2])
def test_rows_enter_one_after_the_other_where_there_is_room_for_few(slots):
    model = loaded("mixtral")
    prompts, masks = queue_of(model, seed=3)
    plain = run_masks(model, prompts, masks)
    assert run_masks(model, prompts, masks, slots=slots, refill=True) == plain


@pytest.mark.parametrize("refill", [False, True])
def test_a_prompt_that_stands_in_two_places_loses_no_row(refill):
    model = loaded("mixtral")
    a, b = (e.ids for e in encoded(2))
    prompts = [a, b, b, a, a, b]
    masks = [mask([(layer, 1)]) for layer in (3, 3, 2, 2, 1, 0)]
    plain = run_masks(model, prompts, masks)
    assert run_masks(model, prompts, masks, slots=4, refill=refill) == plain


def test_rows_that_wait_follow_when_the_batch_has_ended():
    model = loaded("mixtral")
    prompts, masks = queue_of(model, seed=5)
    plain = run_masks(model, prompts, masks)
    assert run_masks(model, prompts, masks, slots=3) == plain


def test_columns_that_nobody_attends_to_are_dropped(monkeypatch):
    model = loaded("mixtral")
    widths = []
    real = join

    def watch(caches):
        real(caches)
        widths.append(caches[0].layers[0].keys.shape[2])

    monkeypatch.setattr(module, "join", watch)
    prompts = [encoded(1)[0].ids] * 24
    masks = [mask([(model.sites[-1].layer, i % 8)]) for i in range(24)]
    ends = {reply.ids[3] for reply in run_masks(model, prompts, masks)[::2]}
    run_masks(ending(model, ends), prompts, masks, new_tokens=12, slots=4, refill=True)
    assert len(widths) > 2
    assert max(widths) <= len(prompts[0]) + 12 + 4


@pytest.mark.parametrize("family", [*PLAIN_CACHES, "gpt_oss", "qwen3_next"])
@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("refill", [False, True])
def test_a_prefix_that_is_read_once_changes_no_reply(family, share, refill):
    model = loaded(family)
    prompts, masks = queue_of(model, seed=len(family) + 1)
    prompts = [(*range(20, 29), *prompt) for prompt in prompts]
    plain = run_masks(model, prompts, masks, share=False)
    options = {"slots": 4, "refill": True} if refill else {}
    assert run_masks(model, prompts, masks, share=share, cache_prompts_from=9, **options) == plain


def test_a_shared_prefix_is_read_once_for_each_mask(monkeypatch):
    model, shapes = loaded("mixtral"), []
    handle = model.model.register_forward_pre_hook(
        lambda _m, _args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    late = model.sites[-1].layer
    masks = [mask(e) for e in ([], [(late, 1)], [(late, 2)])] * 4
    prompts = [(*range(20, 29), *e.ids) for e in encoded(4) for _ in range(3)]
    longest = max(map(len, prompts)) - 9
    try:
        for share, lines, groups in ((False, 3, 12), (True, 1, 4)):
            shapes.clear()
            run_masks(model, prompts, masks, share=share, new_tokens=2, cache_prompts_from=81)
            assert shapes[:2] == [(lines, 9), (groups, longest)]
            shapes.clear()
            # Nine rows of twelve are spared nine tokens each.
            run_masks(model, prompts, masks, share=share, new_tokens=2, cache_prompts_from=82)
            assert shapes[0] == (groups, longest + 9)
    finally:
        handle.remove()
