"""Drafts: what stands is what plain decoding writes, and what falls costs nothing but time."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace
from typing import Any

import pytest
import torch

from gatekeeper.engine.generate import batch_state as running
from gatekeeper.engine.generate import speculative as module
from gatekeeper.engine.generate import sweep as sweep_module
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.generate.row_plan import Row, SweepSettings, Work
from gatekeeper.engine.generate.speculative import draftable
from gatekeeper.engine.generate.techniques import PLAIN, Techniques
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.trial import UNMASKED, bare_mask
from tests.engine.sweeping import sweep
from tests.engine.tiny_loaded import encoded, loaded

FAMILIES = ("mixtral", "qwen3_moe", "deepseek_v3", "olmoe", "jetmoe")
TOKENS = 9
SETTINGS = SweepSettings(
    base="b",
    new_tokens=TOKENS,
    batch_rows=16,
)


def masks_of(model, seed, count=36):
    draw = random.Random(seed)
    masks = [UNMASKED]
    for i in range(count):
        sites = draw.choices(model.sites, k=draw.choice([1, 1, 2]))
        experts = sorted({(s.layer, draw.randrange(s.experts_count)) for s in sites})
        mode = draw.choice(["reroute", "ablate", "scale:0.7", "scale:0.95", "noise:0.5"])
        phase = draw.choice(["prefill", "decode", "both", "both"])
        masks.append(replace(bare_mask(experts, mode), name=f"m{i}", phase=phase))
    return tuple(masks)


def swept(path, model, masks, using, **changes):
    settings = replace(SETTINGS, techniques=using, **changes)
    work = [Work(prompt=p, masks=masks) for p in encoded(4)]
    with TrialStore(path) as store:
        trials, count = sweep(model, work, settings, store, lambda *_: None)
    return trials, count


@pytest.fixture
def seen(monkeypatch):
    """(row's mask, draft, reply) of everything that is decoded in a sweep."""
    found: list[Any] = []
    real = decode

    def watched(model, instrument, prompts, masks, *, drafts, **options):
        replies = real(model, instrument, prompts, masks, drafts=drafts, **options)
        found.extend(zip(masks, drafts, replies, strict=True))
        return replies

    monkeypatch.setattr(sweep_module, "decode", watched)
    return found


@pytest.mark.parametrize(
    ("family", "refill"),
    [("mixtral", False), *((family, True) for family in FAMILIES)]
    + [pytest.param(family, False, marks=pytest.mark.slow) for family in FAMILIES[1:]],
)
def test_replies_are_those_of_the_plain_path_whether_drafts_stand_or_fall(
    tmp_path, family, refill, seen
):
    model = loaded(family)
    masks = masks_of(model, seed=5)
    plain, _ = swept(tmp_path / "plain", model, masks, PLAIN)
    assert not any(draft for _, draft, _ in seen)
    seen.clear()
    using = Techniques(draft=True, refill=refill)
    fast, _ = swept(tmp_path / "fast", model, masks, using)
    assert fast == plain
    tried = [(reply, draft) for _, draft, reply in seen if draft]
    stood = [reply.ids == draft for reply, draft in tried if reply.drafted]
    assert all(stood) and len(stood) > 8
    assert sum(reply.ids != draft for reply, draft in tried) > 8
    assert all((draft is not None) == draftable(mask) for mask, draft, _ in seen)


def decoded(model, prompts, masks, drafts=None, **options):
    with Instrument(model.sites) as instrument:
        return decode(
            model, instrument, prompts, masks, new_tokens=TOKENS, drafts=drafts,
            **options,
        )  # fmt: skip


PROMPTS = [p.ids for p in encoded(4)]
FINE = bare_mask([(0, 1)], "scale:0.999")


def endless():
    """A model whose replies here reach the window."""
    return replace(loaded("mixtral"), end_ids=frozenset({999}))


@pytest.mark.parametrize("share", [False, True])
def test_a_draft_that_is_too_short_or_too_long_or_wrong_falls(share):
    model = endless()
    masks = [FINE] * 4
    plain = decoded(model, PROMPTS, masks)
    whole = [reply.ids for reply in plain]
    assert {len(ids) for ids in whole} == {TOKENS}
    wrong = {
        "short": [ids[:-2] for ids in whole],
        "spoilt at the end": [(*ids[:-1], ids[-1] ^ 1) for ids in whole],
        "spoilt in the middle": [(*ids[:4], ids[4] ^ 1, *ids[5:]) for ids in whole],
        "empty": [()] * 4,
        "none": [None] * 4,
    }
    for drafts in wrong.values():
        replies = decoded(model, PROMPTS, masks, drafts, share_prefix=share)
        assert replies == plain  # `drafted` is compared as well
    told = decoded(model, PROMPTS, masks, whole, share_prefix=share)
    assert told == [replace(reply, drafted=True) for reply in plain]
    longer = decoded(model, PROMPTS, masks, [(*ids, 5, 6) for ids in whole], share_prefix=share)
    assert [reply.ids for reply in longer] == whole  # cut where the window ends


def test_end_tokens_end_a_drafted_reply():
    made = loaded("mixtral")
    first = decoded(made, PROMPTS[:1], [FINE])[0].ids
    model = replace(made, end_ids=frozenset({first[5]}))
    plain = decoded(model, PROMPTS[:1], [FINE])[0]
    assert plain.ids == first[: first.index(first[5]) + 1] and not plain.truncated
    assert decoded(model, PROMPTS[:1], [FINE], [plain.ids])[0] == replace(plain, drafted=True)
    assert decoded(model, PROMPTS[:1], [FINE], [first])[0] == replace(plain, drafted=True)


def test_rows_of_one_group_with_unlike_drafts():
    model = loaded("mixtral")
    last = model.sites[-1].layer
    masks = [bare_mask([(last, e)], "scale:0.999") for e in range(4)]
    plain = decoded(model, PROMPTS[:1] * 4, masks)
    good = plain[0].ids
    drafts = [good, (*good[:-1], good[-1] ^ 1), good, None]
    told = decoded(model, PROMPTS[:1] * 4, masks, drafts)
    assert [reply.ids for reply in told] == [reply.ids for reply in plain]
    assert [reply.drafted for reply in told] == [True, False, True, False]


def test_drafts_read_with_prompts_are_those_of_the_rows_that_have_one():
    masks = [FINE, FINE, FINE, bare_mask([(0, 1)], "noise:0.001")] * 2
    prompts = [ids for ids in PROMPTS[:2] for _ in range(4)]
    plain = decoded(endless(), prompts, masks)
    drafts = [None if i % 4 == 3 else reply.ids for i, reply in enumerate(plain)]
    told = decoded(endless(), prompts, masks, drafts, slots=4)
    assert [reply.ids for reply in told] == [reply.ids for reply in plain]
    assert [reply.drafted for reply in told] == [draft is not None for draft in drafts]


@pytest.mark.parametrize("share", [False, True])
def test_prompts_and_drafts_are_read_together_once_most_stood(monkeypatch, share):
    """Rows without a draft, or with another one, stand in a group of one that has it."""
    model = loaded("mixtral")
    last = model.sites[-1].layer
    masks = [bare_mask([(last, e % 8)], "scale:0.999") for e in range(12)]
    prompts = [PROMPTS[0]] * 4 + [PROMPTS[1]] * 4 + [PROMPTS[2]] * 4
    plain = decoded(model, prompts, masks)
    whole = [reply.ids for reply in plain]
    spoilt = [(*ids[:-1], ids[-1] ^ 1) for ids in whole]
    drafts = [*whole[:5], spoilt[5], None, whole[7], None, (), whole[10], (whole[11][0] ^ 1, 5, 6)]
    together, real = [], running.Running.step_ahead

    def watched(self, tokens):
        together.append(list(self.rows))
        return real(self, tokens)

    monkeypatch.setattr(running.Running, "step_ahead", watched)
    told = decoded(
        model, prompts, masks, drafts, slots=4, refill=True, share_prefix=share,
        share_attention=share,
    )  # fmt: skip
    assert [reply.ids for reply in told] == whole
    assert together[0] == [4, 5, 6, 7]
    stood = [i for i, reply in enumerate(told) if reply.drafted]
    assert stood == [0, 1, 2, 3, 4, 7, 10]


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_a_mask_of_one_phase_keeps_prompt_and_draft_apart(monkeypatch, phase):
    model = endless()
    masks = [replace(FINE, phase=phase)] * 8
    prompts = [*PROMPTS, *PROMPTS]
    whole = [reply.ids for reply in decoded(model, prompts, masks)]
    monkeypatch.setattr(running.Running, "step_ahead", None)
    told = decoded(model, prompts, masks, whole, slots=4, refill=True)
    assert all(reply.drafted for reply in told)


def test_drafts_are_read_in_parts_where_the_logits_would_be_too_many(monkeypatch):
    model = loaded("mixtral")
    masks = [FINE, bare_mask([(0, 0), (1, 1)]), FINE, FINE]
    plain = decoded(model, PROMPTS, masks)
    drafts = [reply.ids for reply in decoded(model, PROMPTS, [UNMASKED] * 4)]
    whole = decoded(model, PROMPTS, masks, drafts)
    monkeypatch.setattr(module, "LOGITS", 4 * 128 * 3)
    widths, real = [], running.Running.forward

    def watched(self, *args):
        widths.append(self.ids.shape[1])
        return real(self, *args)

    monkeypatch.setattr(running.Running, "forward", watched)
    parts = decoded(model, PROMPTS, masks, drafts)
    assert parts == whole
    assert [reply.ids for reply in parts] == [reply.ids for reply in plain]
    assert widths[1:4] == [3, 3, 2]


def test_a_resumed_sweep_takes_the_same_drafts(tmp_path, seen):
    model = loaded("mixtral")
    masks, using = masks_of(model, seed=5), Techniques(draft=True)
    whole, _ = swept(tmp_path / "a", model, masks, using)
    taken = {(mask.name, reply.ids): draft for mask, draft, reply in seen if draft}
    seen.clear()
    forwards = iter(range(1, 10_000))

    def killed(*_):
        if next(forwards) == 30:
            raise KeyboardInterrupt

    handle = model.model.register_forward_pre_hook(killed)
    try:
        with pytest.raises(KeyboardInterrupt):
            swept(tmp_path / "b", model, masks, using)
    finally:
        handle.remove()
    again, count = swept(tmp_path / "b", model, masks, using)
    assert again == whole
    assert 0 < count.resumed < count.computed + count.resumed
    assert {(mask.name, reply.ids): draft for mask, draft, reply in seen if draft} == taken


def test_with_few_masks_drafts_come_from_an_earlier_sweep_only(tmp_path, seen):
    model = loaded("mixtral")
    masks, using = masks_of(model, seed=5, count=6), Techniques(draft=True)
    plain, _ = swept(tmp_path / "a", model, masks, using)
    assert not any(draft for _, draft, _ in seen)
    swept(tmp_path / "b", model, (UNMASKED,), using)
    seen.clear()
    later, _ = swept(tmp_path / "b", model, masks[1:], using)
    assert any(reply.drafted for _, _, reply in seen)
    made = {(t.mask, t.prompt_id): t for t in plain}
    assert all(made[t.mask, t.prompt_id] == t for t in later)


@pytest.mark.parametrize("broken", [20, 23, 30])
def test_out_of_memory_loses_no_finished_row(tmp_path, broken, seen):
    model = loaded("mixtral")
    masks, using = masks_of(model, seed=5), Techniques(draft=True)
    whole, _ = swept(tmp_path / "a", model, masks, using)
    forwards = iter(range(1, 10_000))

    def full(*_):
        if next(forwards) == broken:
            raise torch.cuda.OutOfMemoryError("planted")

    handle = model.model.register_forward_pre_hook(full)
    try:
        cut, count = swept(tmp_path / "b", model, masks, using)
    finally:
        handle.remove()
    assert next(forwards) > broken
    assert cut == whole
    assert count.resumed == 0


def test_a_row_goes_to_workers_with_its_draft():
    row = Row(prompt=encoded(1)[0], mask=FINE, key="k", draft=(4, 5, 2))
    assert pickle.loads(pickle.dumps(row)) == row  # noqa: S301


def test_what_is_tried():
    assert not draftable(UNMASKED)
    assert not draftable(bare_mask([(0, 1)], "noise:0.1"))
    for mode in ("reroute", "ablate", "scale:0.5"):
        for phase in ("both", "prefill", "decode"):
            assert draftable(replace(bare_mask([(0, 1)], mode), phase=phase))
