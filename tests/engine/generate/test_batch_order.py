"""The order of a wave and its shards: every row once, few tokens, rows of a cluster in a run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.engine.generate import batch_order as module
from gatekeeper.engine.generate.batch_order import shards
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.row_plan import Row, SweepSettings, Work, plan_rows
from gatekeeper.engine.generate.techniques import Techniques
from gatekeeper.records.suite import Prompt
from gatekeeper.records.trial import UNMASKED, bare_mask
from tests.engine.tiny_loaded import loaded

ALL = Techniques(cache_prompts=True, refill=True, draft=True)
SETTINGS = SweepSettings(
    base="b",
    new_tokens=5,
    batch_rows=16,
    techniques=ALL,
)


@pytest.fixture(autouse=True)
def _few_shards(monkeypatch):
    """A plan this small would have shards of a batch each."""
    monkeypatch.setattr(module, "SHARES", 1)


def prompt(number, ids):
    name = f"p{number}"
    made = Prompt(
        id=name, seed_id=name, set="regular", category="c", language="en", text=name, source="test"
    )
    return Encoded(prompt=made, ids=tuple(ids), skipped=None)


def masks(*layers):
    made = [bare_mask([(layer, i)]) for i, layer in enumerate(layers)]
    return tuple(replace(mask, name=f"m{i}") for i, mask in enumerate(made))


def planned(prompts, wanted, using=ALL):
    return plan_rows([Work(prompt=p, masks=wanted) for p in prompts], "b", using)[0]


def openings(shard):
    """(rows, tokens that all prompts of them begin with) of each cluster."""
    found = []
    for _, its in itertools.groupby(shard, key=lambda row: row.cluster):
        rows = list(its)
        prompts = {row.prompt.ids for row in rows}
        columns = itertools.takewhile(lambda c: len(set(c)) == 1, zip(*prompts, strict=False))
        found.append((len(rows), len(list(columns)) if len(prompts) > 1 else 0))
    return found


ids = st.lists(st.integers(3, 5), min_size=1, max_size=9)


def test_a_wave_has_shards_for_many_workers():
    """Without the fixture above: as the constants are."""
    model = loaded("mixtral")
    rows = planned([prompt(i, [3, 4, i]) for i in range(700)], masks(*[0] * 30))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SHARES", 16)
        found = shards(model, rows, SETTINGS)
        assert 16 <= len(found) <= 24
        one = shards(model, rows, replace(SETTINGS, batch_rows=1024))
        assert max(map(len, one)) <= 1024  # a batch is not cut for workers
        few = shards(model, rows[:300], SETTINGS)
        assert max(map(len, few)) <= 18


@pytest.mark.parametrize("shares", [1, 32])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    prompts=st.lists(ids, min_size=1, max_size=40),
    layers=st.lists(st.integers(0, 1), min_size=1, max_size=30),
    left_out=st.sets(st.integers(0, 200)),
    techniques=st.sampled_from(
        [ALL, Techniques(), replace(ALL, refill=False), replace(ALL, sort_depth=False)]
    ),
    batch=st.sampled_from([1, 4, 16]),
)
def test_every_row_runs_once_and_clusters_are_runs(
    shares, monkeypatch, prompts, layers, left_out, techniques, batch
):
    monkeypatch.setattr(module, "SHARES", shares)
    model = loaded("mixtral")
    rows = planned([prompt(i, p) for i, p in enumerate(prompts)], masks(*layers), techniques)
    rows = [row for i, row in enumerate(rows) if i not in left_out]
    rows = [replace(row, draft=row.prompt.ids[:2]) for row in rows]
    using = replace(SETTINGS, techniques=techniques, batch_rows=batch)
    found = shards(model, rows, using)
    assert sorted(row.key for shard in found for row in shard) == sorted(r.key for r in rows)
    most = max(batch, min(len(rows) // shares, 1024)) if techniques.refill else batch
    assert all(0 < len(shard) <= most for shard in found)
    for shard in found:
        runs = [number for number, _ in itertools.groupby(row.cluster for row in shard)]
        assert len(runs) == len(set(runs))
    assert found == shards(model, rows, using)  # a resumed audit forms the same


def test_prompts_that_begin_alike_are_a_cluster():
    model = loaded("mixtral")
    begin = [[4] * 40, [5] * 40]
    prompts = [prompt(i, [*begin[i % 2], 6, 7 + i]) for i in range(12)]
    found = shards(model, planned(prompts, masks(*[0] * 8)), SETTINGS)
    assert sorted(openings(found[0])) == [(48, 41), (48, 41)]


def test_deep_masks_need_longer_openings_to_pay():
    """Below the first mask a token runs once, for all masks together."""
    model = loaded("mixtral")
    using = SETTINGS.techniques
    rows = {layer: planned([prompt(0, [3, 4])], masks(layer)) for layer in range(4)}
    costs = [module.start_of(model, rows[layer], using) for layer in range(4)]
    assert costs == sorted(costs) and costs[3] == 4 * costs[0]
    assert module.start_of(model, rows[3], replace(using, share_prefix=False)) == costs[0]
    assert module.start_of(model, planned([prompt(0, [3, 4])], masks(99)), using) == costs[3]
    bare = planned([prompt(0, [3, 4])], (UNMASKED,))
    assert module.start_of(model, bare, using) == costs[0]


def test_prompts_without_a_common_opening_are_sorted_by_length():
    model = loaded("mixtral")
    prompts = [prompt(i, [3 + i, *[2] * (1 + 7 * i % 40)]) for i in range(30)]
    found = shards(model, planned(prompts, masks(0, 0)), SETTINGS)
    lengths = [len(row.prompt.ids) for row in found[0]]
    assert len(found) == 1
    assert lengths == sorted(lengths, reverse=True)


def test_drafts_of_like_length_stand_together():
    model = loaded("mixtral")
    prompts = [prompt(i, [3 + i, 2, 2]) for i in range(32)]
    rows = [
        replace(row, draft=(2,) * (20 if int(row.prompt.prompt.id[1:]) % 2 else 3))
        for row in planned(prompts, masks(*[0] * 4))
    ]
    batch = [row.draft for row in shards(model, rows, SETTINGS)[0]][:16]
    assert len(set(batch)) == 1


def test_more_masks_than_a_batch_holds_are_parted_in_blocks():
    model = loaded("mixtral")
    rows = planned([prompt(i, [2] * 30 + [3 + i]) for i in range(4)], masks(*[0] * 40))
    found = shards(model, rows, SETTINGS)
    clusters = [
        list(its)
        for shard in found
        for _, its in itertools.groupby(shard, key=lambda row: row.cluster)
    ]
    assert [len(its) for its in clusters] == [40] * 4
    for its in clusters:
        assert len({row.mask.name for row in its}) == 10  # three quarters of 16, in equal parts
        assert len({row.prompt.ids for row in its}) == 4


def test_a_prompt_that_lacks_some_of_the_masks_stays_with_the_others():
    model = loaded("mixtral")
    rows = planned([prompt(i, [2] * 60 + [3 + i]) for i in range(5)], masks(*[0] * 10))
    rows = [row for i, row in enumerate(rows) if i not in {3, 17, 31}]
    found = [row.cluster for shard in shards(model, rows, SETTINGS) for row in shard]
    assert len(set(found)) == 2  # four prompts and one: 47 rows are no five times ten


@pytest.mark.parametrize("off", ["cache_prompts", "refill", "sort_lengths", "fold"])
def test_without_what_it_needs_the_order_is_the_plan_s(off):
    using = replace(ALL, **{off: False}, draft=False)
    model = loaded("mixtral")
    prompts = [prompt(i, [4, i + 3] * (i + 1)) for i in range(9)]
    rows = planned(prompts, (UNMASKED, *masks(0, 1)), using)
    found = shards(model, rows, replace(SETTINGS, techniques=using))
    assert [row for shard in found for row in shard] == rows
    assert all(isinstance(row, Row) and row.cluster == 0 for shard in found for row in shard)


class _Counted(str):
    """A name that counts how often it is looked up."""

    __slots__ = ()
    asked = 0

    def __hash__(self):
        _Counted.asked += 1
        return super().__hash__()


@pytest.mark.parametrize(
    ("prompts", "apiece", "batch"),
    [(150, 4, 16), (4, 150, 1)],  # each prompt under masks of its own; blocks of one mask
)
def test_looking_for_an_order_takes_about_as_long_as_there_are_rows(prompts, apiece, batch):
    rows = [
        Row(
            prompt=prompt(i, [2, 3 + i]),
            mask=replace(bare_mask([(0, 0)]), name=_Counted(f"{i if apiece < 5 else 0}-{j}")),
            key=f"{i}-{j}",
        )
        for i in range(prompts)
        for j in range(apiece)
    ]
    _Counted.asked = 0
    found = shards(loaded("mixtral"), rows, replace(SETTINGS, batch_rows=batch))
    assert sum(map(len, found)) == len(rows)
    assert _Counted.asked < 30 * len(rows)
