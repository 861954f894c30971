from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from gatekeeper.engine.generate import batch_state as module
from gatekeeper.engine.generate.batching import left_padded
from gatekeeper.engine.generate.prefix_sharing import part_rows
from gatekeeper.engine.self_test.run import self_test
from tests.engine.decoding import ending, run, run_masks
from tests.engine.invariants import mask
from tests.engine.tiny_loaded import encoded, loaded
from tests.engine.zoo import AUDITABLE, SCORING


@pytest.mark.parametrize("family", [*SCORING, "minimax"])
def test_greedy_replies_are_those_of_generate(family):
    model = loaded(family)
    prompts = [e.ids for e in encoded(3)]
    ids, attention = left_padded(prompts, 0, torch.device("cpu"))
    with torch.inference_mode():
        whole: Any = model.model
        out = whole.generate(
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
    ends = {r.ids[:3][-1] for r in sorted(plain, key=lambda r: r.text)[::2]}
    early = run_masks(ending(model, ends), prompts, masks, share=True)
    assert len({len(r.ids) for r in early}) > 1
    for whole, cut in zip(plain, early, strict=True):
        assert whole.ids[: len(cut.ids)] == cut.ids
        assert cut.ids[-1] in ends or cut == whole
    assert len({r.text for r in plain}) >= len(kinds)


def test_a_row_is_the_same_whatever_stands_beside_it():
    model = loaded("qwen3_moe")
    prompts = [e.ids for e in encoded(4)]
    masks = [[(s.layer, row) for s in model.sites] for row in range(4)]
    together = run(model, prompts, masks)
    for row in range(4):
        assert run(model, [prompts[row]], [masks[row]]) == [together[row]]


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
    real = part_rows

    def watch(layers, first, groups, index, attention):
        maps.append((groups, index.tolist()))
        return real(layers, first, groups, index, attention)

    monkeypatch.setattr(module, "part_rows", watch)
    plain = run_masks(model, [a, b, a, a, b], masks, share=False)
    ends = {plain[i].ids[2] for i in (0, 3, 4)}
    run_masks(ending(model, ends), [a, b, a, a, b], masks)
    equal = [index for groups, index in maps if groups == len(index)]
    assert maps and all(index == sorted(index) for index in equal)
