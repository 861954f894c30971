from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gatekeeper.engine.generate import batch_size
from gatekeeper.engine.generate import sweep as module
from gatekeeper.engine.generate.batch_order import shards
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.generate.row_plan import SweepSettings, Work, plan_rows
from gatekeeper.engine.generate.techniques import PLAIN, Techniques
from gatekeeper.evidence.trial_store import StoredReply, TrialStore
from gatekeeper.records.model import ExpertId
from gatekeeper.records.trial import UNMASKED, Mask
from tests.engine.sweeping import sweep
from tests.engine.tiny_loaded import encoded, loaded

SETTINGS = SweepSettings(
    base="b",
    new_tokens=6,
    batch_rows=3,
)


def mask(name: str, *experts: tuple[int, int]) -> Mask:
    return Mask(
        name=name,
        arm="selected",
        mode="reroute",
        selector="x",
        k=len(experts),
        control=None,
        experts=tuple(ExpertId(*e) for e in experts),
    )


def work(model, count=4):
    layer = model.sites[-1].layer
    masks = (UNMASKED, mask("a", (layer, 1)), mask("same-as-a", (layer, 1)), mask("b", (layer, 2)))
    return [Work(prompt=p, masks=masks) for p in encoded(count)]


def test_equal_masks_share_a_row_whatever_their_names():
    rows, keys = plan_rows(work(loaded("mixtral")), "b")
    assert len(rows) == 4 * 3
    assert keys["a", "p0"] == keys["same-as-a", "p0"] != keys["b", "p0"]


def test_a_key_changes_with_all_a_reply_depends_on():
    jobs = work(loaded("mixtral"), 1)
    keys = {plan_rows(jobs, base)[1]["a", "p0"] for base in ("b", "c")}
    assert len(keys) == 2


def test_interrupted_anywhere_it_gives_the_same_trials_and_computes_nothing_twice(
    tmp_path, monkeypatch
):
    model = loaded("mixtral")
    with TrialStore(tmp_path / "whole") as store:
        whole, count = sweep(model, work(model), SETTINGS, store, lambda *_: None)
    assert (count.computed, count.resumed) == (12, 0)

    calls: list[int] = []

    def interrupted(*args, **options):
        if len(calls) == 2:
            calls.append(0)
            raise KeyboardInterrupt
        calls.append(len(args[2]))
        return decode(*args, **options)

    monkeypatch.setattr(module, "decode", interrupted)
    with TrialStore(tmp_path / "cut") as store, pytest.raises(KeyboardInterrupt):
        sweep(model, work(model), SETTINGS, store, lambda *_: None)
    with TrialStore(tmp_path / "cut") as store:
        resumed, count = sweep(model, work(model), SETTINGS, store, lambda *_: None)
    assert resumed == whole
    assert (count.computed, count.resumed) == (6, 6)
    assert sum(calls) == 12


def test_rows_run_one_by_one_where_the_memory_has_become_full(tmp_path, monkeypatch):
    model, seen = loaded("mixtral"), []
    real = model.model.forward

    def forward(*args, **kwargs):
        seen.append(kwargs["attention_mask"].shape[0])
        return real(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", forward)
    for name, free, most in (("wide", 1 << 40, 2), ("full", 0, 1)):
        seen.clear()
        monkeypatch.setattr(batch_size, "available_memory", lambda free=free: free)
        with TrialStore(tmp_path / name) as store:
            sweep(model, work(model), SETTINGS, store, lambda *_: None)
        assert max(seen) == most


def test_rows_of_this_session_were_not_resumed(tmp_path):
    model = loaded("mixtral")
    with TrialStore(tmp_path / "s") as store:
        sweep(model, work(model), SETTINGS, store, lambda *_: None)
        _, again = sweep(model, work(model), SETTINGS, store, lambda *_: None)
    assert (again.computed, again.resumed) == (0, 0)
    with TrialStore(tmp_path / "s") as store:
        counts = [sweep(model, work(model), SETTINGS, store, lambda *_: None)[1] for _ in range(2)]
    assert [(c.computed, c.resumed) for c in counts] == [(0, 12), (0, 0)]


def test_a_row_that_another_audit_had_done_is_the_same_in_both_sessions(tmp_path):
    model = loaded("mixtral")
    _, keys = plan_rows(work(model), SETTINGS.base)
    there = StoredReply(key=keys["b", "p1"], text="there", ids=(5, 2), truncated=False)
    with TrialStore(tmp_path / "s") as store:
        store.put([there])
        first, _ = sweep(model, work(model), SETTINGS, store, lambda *_: None)
        store.put([replace(there, text="too late")])
        assert store.get([there.key]) == {there.key: there}
    with TrialStore(tmp_path / "s") as store:
        resumed, _ = sweep(model, work(model), SETTINGS, store, lambda *_: None)
    assert first == resumed
    assert [t.completion for t in first if (t.mask, t.prompt_id) == ("b", "p1")] == ["there"]


def test_progress_ends_at_all_rows(tmp_path):
    model, seen = loaded("mixtral"), []
    with TrialStore(tmp_path / "s") as store:
        sweep(model, work(model), SETTINGS, store, lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 12)
    assert seen[-1] == (12, 12)


def test_a_skipped_prompt_is_not_run(tmp_path):
    model = loaded("mixtral")
    jobs = work(model, 2)
    jobs[0] = Work(prompt=replace(jobs[0].prompt, skipped="too long"), masks=jobs[0].masks)
    with TrialStore(tmp_path / "s") as store:
        trials, _ = sweep(model, jobs, SETTINGS, store, lambda *_: None)
    assert {t.prompt_id for t in trials} == {"p1"}


@pytest.mark.parametrize("family", ["mixtral", "deepseek_v3", "olmoe"])
@pytest.mark.parametrize(
    "off",
    [
        {"fold": False},
        {"sort_lengths": False},
        {"share_prefix": False},
        {"sort_depth": False},
        {"fold": True},
    ],
)
def test_a_technique_left_out_gives_the_same_replies_as_none(tmp_path, family, off):
    model = loaded(family)
    found = []
    for name, using in (("plain", PLAIN), ("some", replace(Techniques(), **off))):
        with TrialStore(tmp_path / name) as store:
            settings = replace(SETTINGS, techniques=using)
            found.append(sweep(model, work(model), settings, store, lambda *_: None)[0])
    assert found[0] == found[1]
    assert len({t.completion for t in found[0]}) > 4


def test_without_folding_a_batch_has_one_mask():
    model = loaded("mixtral")
    settings = replace(SETTINGS, techniques=PLAIN)
    rows, _ = plan_rows(work(model), "b", PLAIN)
    parts = shards(model, rows, settings)
    assert all(len({row.mask.name for row in part}) == 1 for part in parts)
    assert sum(len(part) for part in parts) == len(rows) == 12
    assert [row.prompt.prompt.id for row in rows[:4]] == ["p0", "p1", "p2", "p3"]


def of_layers(model, per_layer):
    """Masks of one expert, so many in each layer, and none; two prompts."""
    masks = [UNMASKED]
    for site in model.sites:
        masks += [mask(f"{site.layer}/{e}", (site.layer, e)) for e in range(per_layer)]
    return [Work(prompt=p, masks=tuple(masks)) for p in encoded(2)]


def depths(rows):
    return [min((e.layer for e in row.mask.experts), default=99) for row in rows]


def test_masks_that_begin_deep_run_together():
    model = loaded("mixtral")
    jobs = of_layers(model, 3)
    settings = replace(SETTINGS, batch_rows=12)
    rows, _ = plan_rows(jobs, "b")
    last = model.sites[-1].layer
    known = [min(depth, last) for depth in depths(rows)]
    assert known == sorted(known, reverse=True)
    for part in shards(model, rows, settings):
        # Rows without a mask go with the deepest: they share all that those share.
        assert len({min(depth, last) for depth in depths(part)}) == 1
    plain, _ = plan_rows(jobs, "b", replace(Techniques(), sort_depth=False))
    assert {row.key for row in plain} == {row.key for row in rows}
    assert depths(plain) != depths(rows)


def test_few_rows_of_a_depth_are_no_batch_of_their_own():
    model = loaded("mixtral")
    rows, _ = plan_rows(of_layers(model, 1), "b")
    assert len(shards(model, rows, replace(SETTINGS, batch_rows=64))) == 1


@pytest.mark.parametrize("refill", [False, True])
@pytest.mark.parametrize("broken", [2, 5, 9])
def test_out_of_memory_loses_no_finished_row_of_the_shard(tmp_path, monkeypatch, refill, broken):
    model = loaded("mixtral")
    settings = replace(SETTINGS, batch_rows=4, new_tokens=10, techniques=Techniques(refill=refill))
    with TrialStore(tmp_path / "whole") as store:
        whole, _ = sweep(model, work(model), settings, store, lambda *_: None)
    finished, forwards = [], iter(range(1, 10_000))

    def full(*_):
        if next(forwards) == broken:
            raise torch.cuda.OutOfMemoryError("planted")

    real = decode

    def watched(*args, keep, **options):
        def noted(place, reply):
            finished.append((tuple(args[2][place]), args[3][place].experts))
            keep(place, reply)

        return real(*args, keep=noted, **options)

    monkeypatch.setattr(module, "decode", watched)
    handle = model.model.register_forward_pre_hook(full)
    try:
        with TrialStore(tmp_path / "cut") as store:
            cut, count = sweep(model, work(model), settings, store, lambda *_: None)
    finally:
        handle.remove()
    assert next(forwards) > broken
    assert cut == whole
    assert count.computed == len(finished) == len(set(finished)) == 12
