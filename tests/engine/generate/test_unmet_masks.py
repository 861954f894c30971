from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper import catalog
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.generate.sweep import sweep
from gatekeeper.engine.generate.techniques import Techniques
from gatekeeper.engine.generate.unmet_masks import spared
from gatekeeper.engine.generate.visited_experts import unpacked
from gatekeeper.engine.model.mask_tables import width_of
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.trial import UNMASKED, bare_mask
from tests.engine.tiny_loaded import encoded, loaded, loaded_with

SETTINGS = SweepSettings(
    base="b", new_tokens=8, batch_rows=5, judge=catalog.load("judge", "refusal-rules")
)
MODES = ("reroute", "ablate", "scale:0.3", "noise:0.5")
#: Families in which the self-test finds the skip exact, one a way of scoring.
FAMILIES = ("mixtral", "qwen3_moe", "minimax_m2", "gpt_oss", "deepseek_v3")


def model_of(family):
    if family == "qwen3_moe":
        return loaded_with(family, 7, experts=16, norm_topk_prob=True)
    if family == "deepseek_v3":
        return loaded_with(family, 7, experts=16, n_group=1, topk_group=1)
    return loaded_with(family, 7, experts=16)


def random_masks(model, seed, count=40):
    draw = random.Random(seed)
    masks = [UNMASKED]
    for i in range(count):
        site = draw.choice(model.sites)
        experts = [(site.layer, e) for e in draw.sample(range(16), draw.choice([1, 1, 2]))]
        masks.append(
            replace(
                bare_mask(experts, draw.choice(MODES)),
                name=f"m{i}",
                phase=draw.choice(["prefill", "decode", "both"]),
            )
        )
    return tuple(masks)


def swept(path, model, masks, *, skip, **changes):
    using = replace(SETTINGS, techniques=Techniques(skip=skip, **changes))
    work = [Work(prompt=p, masks=masks) for p in encoded(4)]
    with TrialStore(path) as store:
        return sweep(model, work, using, store, lambda *_: None)


@pytest.mark.parametrize("family", FAMILIES)
def test_copies_are_what_the_rows_would_have_said(tmp_path, family):
    model = model_of(family)
    masks = random_masks(model, seed=3)
    plain, count = swept(tmp_path / "plain", model, masks, skip=False)
    assert count.skipped == 0
    skipped, count = swept(tmp_path / "skip", model, masks, skip=True)
    assert skipped == plain
    assert 16 < count.skipped < count.computed <= 4 * 41
    assert len({t.completion for t in plain}) > 8  # the masks do something, or this shows nothing


def test_a_resumed_sweep_skips_by_what_is_in_the_store(tmp_path):
    model = model_of("mixtral")
    masks = random_masks(model, seed=3)
    whole, count = swept(tmp_path / "a", model, masks, skip=True)
    swept(tmp_path / "b", model, (UNMASKED,), skip=True)
    again, rest = swept(tmp_path / "b", model, masks, skip=True)
    assert again == whole
    assert rest.skipped == count.skipped
    assert rest.resumed == 4


def test_with_few_masks_a_prompt_rows_are_not_parted_but_spared_by_an_earlier_sweep(tmp_path):
    model = model_of("mixtral")
    masks = random_masks(model, seed=3, count=10)
    whole, count = swept(tmp_path / "a", model, masks, skip=True)
    assert count.skipped == 0
    swept(tmp_path / "b", model, (UNMASKED,), skip=True)
    spared_ones, count = swept(tmp_path / "b", model, masks[1:], skip=True)
    assert count.skipped > 5
    made = {(t.mask, t.prompt_id): t.completion for t in whole}
    assert all(made[t.mask, t.prompt_id] == t.completion for t in spared_ones)


def test_without_a_note_of_what_was_met_every_row_runs(tmp_path):
    """As in a store of an older version."""
    model = model_of("mixtral")
    masks = random_masks(model, seed=3)
    swept(tmp_path / "a", model, (UNMASKED,), skip=False)
    trials, count = swept(tmp_path / "a", model, masks, skip=True)
    assert count.skipped == 0
    assert trials == swept(tmp_path / "b", model, masks, skip=False)[0]


def test_the_notes_are_what_the_counter_counts(tmp_path):
    import torch

    from gatekeeper.engine.generate.decode import decode
    from gatekeeper.engine.model.hooks import Instrument
    from tests.engine.invariants import Probe, probe_of

    model = model_of("mixtral")
    prompts = [e.ids for e in encoded(3)]
    with Instrument(model.sites) as instrument:
        replies = decode(
            model, instrument, prompts, [UNMASKED] * 3,
            new_tokens=7, decided=lambda text: len(text) > 12, note_met=True,
        )  # fmt: skip
    for prompt, reply in zip(prompts, replies, strict=True):
        empty = Probe(
            model=model.model, loaded_sites=model.sites, prompts=(),
            ids=torch.zeros(1, 1), attention=torch.zeros(1, 1),
        )  # fmt: skip
        flags = unpacked(reply.met, len(model.sites), width_of(model.sites))
        fed = [*prompt, *reply.ids[:-1]]
        alone = probe_of(empty, [prompt])
        both = probe_of(empty, [fed])
        with Instrument(model.sites) as instrument:
            read, whole = alone.count(instrument)[0], both.count(instrument)[0]
        assert (flags[0] == (read > 0).numpy()).all()
        assert (flags[1] == ((whole - read) > 0).numpy()).all()


def test_a_mask_of_another_model_is_left_to_be_refused():
    model = model_of("mixtral")
    nothing = bytes(2 * len(model.sites) * 16 // 8)
    layer = model.sites[0].layer
    assert spared(model.sites, bare_mask([(layer, 3)]), nothing)
    assert not spared(model.sites, bare_mask([(99, 3)]), nothing)
    assert not spared(model.sites, bare_mask([(layer, 99)]), nothing)
    assert not spared(model.sites, bare_mask([(layer, 3)]), nothing[:-1])


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_row_is_spared_only_if_no_expert_was_met_in_the_phase(data):
    import numpy as np

    sites = loaded("mixtral").sites
    shape = (2, len(sites), width_of(sites))
    seed = data.draw(st.integers(0, 1000))
    flags = np.random.default_rng(seed).random(shape) < 0.4
    experts = data.draw(
        st.lists(
            st.tuples(st.sampled_from([s.layer for s in sites]), st.integers(0, 7)),
            min_size=1,
            max_size=3,
        )
    )
    phase = data.draw(st.sampled_from(["prefill", "decode", "both"]))
    looked = {"prefill": [0], "decode": [1], "both": [0, 1]}[phase]
    place = {s.layer: i for i, s in enumerate(sites)}
    hit = any(flags[p, place[layer], e] for p in looked for layer, e in experts)
    mask = replace(bare_mask(experts), phase=phase)
    assert spared(sites, mask, np.packbits(flags).tobytes()) is not hit
