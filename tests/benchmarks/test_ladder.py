"""The peer is a fair one, unequal results are noticed, and tables say what was measured."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from benchmarks import ladder, peer, workloads
from benchmarks.climbed import Climbed, section
from benchmarks.timing import Spent, once, rounds
from gatekeeper import catalog
from gatekeeper.engine.generate.techniques import PLAIN, Techniques


@pytest.fixture(scope="module")
def loaded():
    return workloads.load()


@pytest.fixture(scope="module")
def judge():
    return catalog.load("judge", "refusal-rules")


@pytest.fixture(scope="module")
def exact(loaded):
    return workloads.audited(loaded)


@pytest.fixture(scope="module")
def tiny(loaded):
    return workloads.sized(loaded, 6, new_tokens=6)


def test_the_peer_masks_exactly(loaded):
    ids = torch.randint(3, 1000, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), peer.masked(loaded.model, [(1, 3), (2, 5), (1, 4)]):
        out = loaded.model(input_ids=ids, output_router_logits=True)
    assert torch.isinf(out.router_logits[1][:, [3, 4]]).all()
    assert torch.isinf(out.router_logits[2][:, 5]).all()
    assert torch.isfinite(out.router_logits[0]).all()
    with torch.inference_mode():
        after = loaded.model(input_ids=ids, output_router_logits=True)
    assert all(torch.isfinite(logits).all() for logits in after.router_logits)


def test_the_peer_gives_the_same_replies_in_any_batch(loaded, judge, tiny):
    one = ladder.walk(loaded, tiny, judge, 2, by_length=False)
    other = ladder.walk(loaded, tiny, judge, 6, by_length=True)
    ladder.check_equal(one, other, "other")
    assert len(one) == tiny.rows == 36


def test_every_rung_gives_what_the_peer_gives(loaded, judge, tiny, exact):
    expected = ladder.walk(loaded, tiny, judge, 3, by_length=True)
    for rung in ladder.rungs(exact):
        found = ladder.Swept(loaded, tiny, rung, judge, tiny.work()).found()
        ladder.check_equal(expected, found, rung.name)


def test_another_reply_is_noticed(loaded, judge, tiny):
    expected = ladder.walk(loaded, tiny, judge, 6, by_length=True)
    pair = next(iter(expected))
    ids, outcome = expected[pair]
    with pytest.raises(AssertionError, match="1 of 36 replies"):
        ladder.check_equal(expected, expected | {pair: ((*ids, 5), outcome)}, "x")


def test_rungs_add_one_technique_at_a_time(exact):
    found = ladder.rungs(exact)
    assert found[0].techniques == PLAIN
    assert found[-1].techniques == exact
    assert {rung.name for rung in found} >= set(workloads.FOLDED)
    for below, above in itertools.pairwise(found[:-1]):
        on = [name for name in Techniques.__dataclass_fields__ if getattr(below.techniques, name)]
        assert all(getattr(above.techniques, name) for name in on)


def test_a_refusal_rate_that_never_changes_fails(tiny):
    same = [["refuse"] * 6] * 6
    with pytest.raises(AssertionError, match="does not vary"):
        tiny.refused(same)
    assert tiny.refused([["refuse"] * 6, ["comply"] * 6, *same[2:]]) == (0.0, 1.0)


def test_workloads_are_of_the_kinds_they_are_named_for(loaded):
    found = {one.name: one for one in workloads.short(loaded, count=8)}
    first = {
        name: {min(e.layer for e in m.experts) for m in one.masks if m.experts}
        for name, one in found.items()
    }
    assert first["shallow"] <= {0, 1} and first["deep"] <= {2, 3}
    assert {m.k for m in found["single"].masks} == {0, 1} and len(found["single"].masks) == 65
    lengths = [len(prompt.ids) for prompt in found["mixed"].asked[0]]
    assert max(lengths) > 3 * min(lengths)


def test_a_sampled_peer_is_scaled_by_rows(tiny):
    part = replace(tiny, every=4)
    assert part.sampled == (0, 4) and part.scale == 3.0
    assert sum(len(w.masks) for w in part.work()) == part.rows


def climbed(tiny, **changes):
    peers = {
        "peer, batch 16": (Spent(wall=8.0, cpu=8.0), Spent(wall=8.0, cpu=8.0)),
        "peer, batch 64": (Spent(wall=4.0, cpu=4.0), Spent(wall=6.0, cpu=6.0)),
    }
    top = (Spent(wall=1.0, cpu=2.0, peak=2**21), Spent(wall=2.0, cpu=1.0, peak=2**20))
    given = {
        "load": replace(tiny, name="single"),
        "rates": (0.1, 0.9),
        "best": 64,
        "peers": peers,
        "rungs": {"everything": top},
    }
    return Climbed(**{**given, **changes})


def test_the_peers_better_batch_is_the_measure(tiny):
    found = climbed(tiny)
    assert found.base == "peer, batch 64"
    text = section(found)
    assert "| peer, batch 64 (the measure) | 5.00 | 5.00 | 1 | 1 | not told |" in text
    # 4 / 1 and 6 / 2 by wall, 4 / 2 and 6 / 1 by processor time.
    assert "| everything | 1.50 | 1.50 | 3.50 (3.00 to 4.00) | 4.00 (2.00 to 6.00) | 2 |" in text
    assert "Goal: 5 times the peer: not reached (4.00 by processor time)." in text


def test_a_measured_workload_has_all_its_rows_in_the_table(loaded, judge, tiny, exact):
    small = replace(tiny, name="random", repetitions=1)
    found = ladder.measure(loaded, small, judge, exact)
    assert set(found.rungs) == {rung.name for rung in ladder.rungs(exact)}
    assert found.rates[0] < found.rates[1]
    assert section(found).count("\n| ") == 2 + len(found.peers) + len(found.rungs)


def test_rounds_go_there_and_back():
    order: list[str] = []
    variants = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    found = rounds(variants, 2)
    assert "".join(order) == "baabba"
    assert all(len(spent) == 2 for spent in found.values())
    order.clear()
    rounds(variants, 1, warm_up=False)
    assert "".join(order) == "ab"


def test_peak_memory_is_that_of_the_work():
    spent = once(lambda: torch.ones(40 << 18))  # 40 MiB
    assert spent.peak is None or 38 << 20 <= spent.peak < 80 << 20
