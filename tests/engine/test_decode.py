from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from gatekeeper.engine import batching
from gatekeeper.engine import running as module
from gatekeeper.engine.batching import left_padded
from gatekeeper.engine.decode import decode
from gatekeeper.engine.routing import Instrument
from gatekeeper.engine.self_test import self_test
from tests.engine.invariants import mask
from tests.engine.tiny_loaded import encoded, loaded
from tests.engine.zoo import AUDITABLE, SCORING


def never(_text: str) -> bool:
    return False


def run_masks(model, prompts, masks, *, new_tokens=8, decided=never, share=True, **options):
    with Instrument(model.sites) as instrument:
        return decode(
            model,
            instrument,
            prompts,
            masks,
            new_tokens=new_tokens,
            decided=decided,
            share_prefix=share,
            seeds=range(100, 100 + len(prompts)),
            **options,
        )


def run(model, prompts, masks, **options):
    return run_masks(model, prompts, [mask(experts) for experts in masks], **options)


@pytest.mark.parametrize("family", [*SCORING, "minimax"])
def test_greedy_replies_are_those_of_generate(family):
    model = loaded(family)
    prompts = [e.ids for e in encoded(3)]
    ids, attention = left_padded(prompts, 0, torch.device("cpu"))
    with torch.inference_mode():
        out = model.model.generate(
            input_ids=ids, attention_mask=attention, max_new_tokens=8, do_sample=False,
            eos_token_id=2, pad_token_id=0,
        )  # fmt: skip
    wanted = [
        model.tokenizer.decode(row, skip_special_tokens=True).strip()
        for row in out[:, ids.shape[1] :]
    ]
    assert [r.text for r in run(model, prompts, [[], [], []])] == wanted


@pytest.mark.parametrize("family", SCORING)
def test_sharing_a_prefix_changes_no_reply(family):
    model = loaded(family)
    prompts = [encoded(2)[0].ids] * 3 + [encoded(2)[1].ids] * 3
    late = [site.layer for site in model.sites[-2:]]
    masks = [[], [(i, e) for i in late for e in (0, 2, 4)], [(i, 5) for i in late]] * 2
    plain, shared = (run(model, prompts, masks, share=s) for s in (False, True))
    assert plain == shared
    assert len({r.text for r in plain[:3]}) > 1  # the masks do something, or this shows nothing


def passed(model) -> set[str]:
    return {c.name for c in self_test(model, encoded()) if c.passed}


_OFTEN = {*SCORING, "minimax", "qwen3_next", "lfm2_moe", "glm_moe_dsa", "qwen4_exp_text"}


@pytest.mark.parametrize(
    "family",
    [pytest.param(f, marks=() if f in _OFTEN else pytest.mark.slow) for f in AUDITABLE],
)
def test_sharing_holds_for_masks_of_all_kinds_and_phases_side_by_side(family):
    """Also where rows end at different steps and leave the batch."""
    model = loaded(family)
    late = [site.layer for site in model.sites[-2:]]
    everyone = range(model.sites[-1].experts_count)
    kinds = [
        ("reroute", "both", []),
        ("reroute", "both", [(i, e) for i in late for e in (0, 2, 4)]),
        ("ablate", "decode", [(i, e) for i in late for e in (0, 1, 2, 3)]),
        ("noise:0.8", "both", [(late[-1], e) for e in everyone]),
        ("scale:0.2", "prefill", [(late[0], e) for e in everyone]),
    ]
    lengths = (5, 3, 1, 5) if model.architecture.pads else (4, 4, 4, 4)
    prompts = [tuple(range(9, 9 + n)) for n in lengths for _ in kinds]
    masks = [
        replace(mask(experts, mode), phase=phase) for _ in lengths for mode, phase, experts in kinds
    ]
    plain = run_masks(model, prompts, masks, share=False)
    found = passed(model)
    if "prefix" not in found:
        pytest.skip("its self-test switches sharing off")
    assert run_masks(model, prompts, masks, share=True) == plain
    if "attention" in found:
        for kept in (masks, [*masks[:-1], mask([(model.sites[0].layer, 0)])]):
            alone = run_masks(model, prompts, kept, share=False)
            assert run_masks(model, prompts, kept, share=True, share_attention=True) == alone
    ends = {r.text[:8] for r in sorted(plain, key=lambda r: r.text)[::2]}
    early = run_masks(model, prompts, masks, share=True, decided=lambda t: t[:8] in ends)
    assert any(r.decided for r in early)
    for whole, cut in zip(plain, early, strict=True):
        assert whole.ids[: len(cut.ids)] == cut.ids
    assert len({r.text for r in plain}) >= len(kinds)


def test_a_row_is_the_same_whatever_stands_beside_it():
    model = loaded("qwen3_moe")
    prompts = [e.ids for e in encoded(4)]
    masks = [[(s.layer, row) for s in model.sites] for row in range(4)]
    together = run(model, prompts, masks)
    for row in range(4):
        assert run(model, [prompts[row]], [masks[row]]) == [together[row]]


def test_a_decided_row_stops_early_and_is_not_called_truncated():
    model = loaded("qwen3_moe")
    prompts = [e.ids for e in encoded(2)]
    full = run(model, prompts, [[], []], new_tokens=12)
    early = run(model, prompts, [[], []], new_tokens=12, decided=lambda text: len(text) > 3)
    for whole, cut in zip(full, early, strict=True):
        assert cut.decided and not cut.truncated
        assert len(cut.ids) == 4 < len(whole.ids)
        assert whole.text.startswith(cut.text)


def test_reaching_the_window_is_truncation():
    replies = run(loaded("mixtral"), [encoded(1)[0].ids], [[]], new_tokens=3)
    assert len(replies[0].ids) == 3
    assert replies[0].truncated


def test_with_a_row_to_each_group_rows_keep_their_order(monkeypatch):
    """Layers may hand on state per row; a permuting map would mix it up (seen on glm_moe_dsa)."""
    model = loaded("qwen3_moe")
    a, b = (encoded(4)[i].ids for i in (2, 3))
    late = model.sites[-1].layer
    masks = [mask(e) for e in ([], [], [(late, 7)], [(late, 1)], [(late, 1)])]
    maps = []
    real = module.part_rows

    def watch(layers, first, groups, index, attention):
        maps.append((groups, index.tolist()))
        return real(layers, first, groups, index, attention)

    monkeypatch.setattr(module, "part_rows", watch)
    plain = run_masks(model, [a, b, a, a, b], masks, share=False)
    starts = {plain[i].text[:6] for i in (0, 3, 4)}
    run_masks(model, [a, b, a, a, b], masks, decided=lambda t: t[:6] in starts)
    equal = [index for groups, index in maps if groups == len(index)]
    assert maps and all(index == sorted(index) for index in equal)


_PLAIN_CACHES = ("qwen3_moe", "mixtral", "deepseek_v3", "olmoe")


def queue_of(model, seed, count=14):
    """Rows of random prompts, modes and phases, some alike."""
    draw = random.Random(seed)
    prompts = [draw.choice(encoded(5)).ids for _ in range(count)]
    kinds = ("reroute", "ablate", "noise:0.6", "scale:0.2")
    masks = []
    for _ in range(count):
        sites = draw.sample(model.sites[1:], 2)
        experts = [(s.layer, draw.randrange(8)) for s in sites for _ in range(2)]
        one = mask([] if draw.random() < 0.3 else experts, draw.choice(kinds))
        masks.append(replace(one, phase=draw.choice(["prefill", "decode", "both"])))
    return prompts, masks


@pytest.mark.parametrize("family", [*_PLAIN_CACHES, "gpt_oss", "qwen3_next", "minimax"])
@pytest.mark.parametrize("share", [False, True])
def test_rows_that_enter_late_say_what_they_say_in_a_batch_of_their_own(family, share):
    """Caches that are not plain take new rows when the batch is empty."""
    model = loaded(family)
    prompts, masks = queue_of(model, seed=len(family))
    options = {"new_tokens": 13, "decided": lambda text: text[-1:] in set("1357")}
    plain = run_masks(model, prompts, masks, share=False, **options)
    assert len({len(r.ids) for r in plain}) > 1
    entered = []
    real = module.Running.join

    def watch(self, others):
        entered.extend(len(other.rows) for other in others)
        real(self, others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.Running, "join", watch)
        late = run_masks(model, prompts, masks, share=share, slots=4, refill=True, **options)
    assert late == plain
    assert (sum(entered) > 0) == (family in _PLAIN_CACHES)


@pytest.mark.parametrize("share", [False, True])
def test_several_small_batches_enter_a_running_one_at_once(monkeypatch, share):
    model = loaded("mixtral")
    prompts, masks = queue_of(model, seed=4, count=24)
    options = {"new_tokens": 13, "decided": lambda text: text[-1:] in set("1357")}
    plain = run_masks(model, prompts, masks, share=False, **options)
    entered, real = [], module.Running.join

    def watch(self, others):
        entered.append([len(other.rows) for other in others])
        real(self, others)

    monkeypatch.setattr(module.Running, "join", watch)
    monkeypatch.setattr(batching, "_READING", 2)
    assert run_masks(model, prompts, masks, share=share, slots=9, refill=True, **options) == plain
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
    real = module.join

    def watch(caches):
        real(caches)
        widths.append(caches[0].layers[0].keys.shape[2])

    monkeypatch.setattr(module, "join", watch)
    prompts = [encoded(1)[0].ids] * 24
    masks = [mask([(model.sites[-1].layer, i % 8)]) for i in range(24)]
    seen = iter(range(1000))
    run_masks(
        model, prompts, masks, new_tokens=12, slots=4, refill=True,
        decided=lambda _t: next(seen) % 2 == 0,
    )  # fmt: skip
    assert len(widths) > 2
    assert max(widths) <= len(prompts[0]) + 12 + 4


@pytest.mark.parametrize("family", [*_PLAIN_CACHES, "gpt_oss", "qwen3_next"])
@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("refill", [False, True])
def test_an_opening_that_is_read_once_changes_no_reply(family, share, refill):
    model = loaded(family)
    prompts, masks = queue_of(model, seed=len(family) + 1)
    prompts = [(*range(20, 29), *prompt) for prompt in prompts]
    plain = run_masks(model, prompts, masks, share=False)
    options = {"slots": 4, "refill": True} if refill else {}
    assert run_masks(model, prompts, masks, share=share, opening=9, **options) == plain


def test_the_opening_is_read_once_for_each_mask(monkeypatch):
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
            run_masks(model, prompts, masks, share=share, new_tokens=2, opening=81)
            assert shapes[:2] == [(lines, 9), (groups, longest)]
            shapes.clear()
            # Nine rows of twelve are spared nine tokens each.
            run_masks(model, prompts, masks, share=share, new_tokens=2, opening=82)
            assert shapes[0] == (groups, longest + 9)
    finally:
        handle.remove()


def test_what_is_met_in_the_opening_counts_for_every_row():
    model = loaded("mixtral")
    prompts = [(*range(20, 29), *e.ids) for e in encoded(4)]
    masks = [mask([])] * 4
    plain, opened = (run_masks(model, prompts, masks, opening=o, note_met=True) for o in (None, 9))
    assert opened == plain
    assert all(r.met for r in plain)
