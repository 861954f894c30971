"""Prompts that share seeds: what they are worth, and how often intervals then hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.analysis import clustered, intervals, paired


def seeds_of(sizes) -> np.ndarray:
    return np.repeat([f"s{i:03d}" for i in range(len(sizes))], sizes)


#: Sizes of the seeds of the benign set in docs/real-language.md: 44 prompts of 19 seeds.
REAL = [1] * 10 + [4] * 7 + [3] * 2

SETS = {"8x5": [5] * 8, "10x10": [10] * 10, "20x4": [4] * 20, "real": REAL, "5+40": [5] + [1] * 40}


def drawn(sizes, agreement: float, runs: int, *key: int) -> np.ndarray:
    """Uniform draws [runs, n]; those of a seed are alike with probability √agreement each."""
    generator = np.random.default_rng([11, *key, int(10 * agreement)])
    index = np.repeat(np.arange(len(sizes)), sizes)
    shared = generator.random((runs, len(sizes)))[:, index]
    own = generator.random((runs, len(index)))
    return np.where(generator.random(own.shape) < math.sqrt(agreement), shared, own)


@pytest.mark.parametrize("agreement", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("name", SETS)
def test_clustered_wilson_covers(name, agreement):
    """At least 93 % where rates lie from 5 to 50 %, less the noise of 400 samples."""
    sizes, runs = SETS[name], 400
    seeds = clustered.Seeds.of(seeds_of(sizes))
    for truth in (0.05, 0.2, 0.5):
        hits = drawn(sizes, agreement, runs, int(1000 * truth)) < truth
        found = [clustered.share(row.astype(float), seeds) for row in hits]
        assert np.mean([f.low <= truth <= f.high for f in found]) >= 0.905, truth
        assert np.mean([f.high < truth for f in found]) <= 0.05, truth


@pytest.mark.thorough
@pytest.mark.parametrize("agreement", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ["10x10", "20x4"])
def test_clustered_tango_covers_and_is_never_wider_than_full_agreement(name, agreement):
    sizes, runs = SETS[name], 100
    seeds = clustered.Seeds.of(seeds_of(sizes))
    for lost, won in ((0.1, 0.02), (0.5, 0.02), (0.3, 0.3)):
        draws = drawn(sizes, agreement, runs, int(1000 * lost))
        held = []
        for row in draws:
            a, b = (row < lost).astype(float), (row >= 1 - won).astype(float)
            found = clustered.difference(a, b, seeds)
            least = seeds.least
            agreed = intervals.tango(a.mean() * least, b.mean() * least, least)
            assert agreed.low - 1e-6 <= found.low <= found.high <= agreed.high + 1e-6
            held.append(found.low - 1e-9 <= lost - won <= found.high + 1e-9)
        assert np.mean(held) >= 0.88


def test_agreement_narrows_by_what_is_seen():
    """80 prompts of 20 seeds, 24 with the event: spread evenly, or all of six seeds."""
    seeds = clustered.Seeds.of(seeds_of([4] * 20))
    order = np.arange(80)
    spread = clustered.share(((order % 4 == 0) | ((order % 4 == 1) & (order < 16))) * 1.0, seeds)
    whole = clustered.share((order < 24).astype(float), seeds)
    agreed = intervals.wilson(0.3 * seeds.least, seeds.least)
    assert whole.low == pytest.approx(agreed.low, abs=1e-6)
    assert whole.high == pytest.approx(agreed.high, abs=1e-6)
    assert spread.high - spread.low < 0.62 * (whole.high - whole.low)


def test_correlation_by_hand():
    """Two seeds of two: (1, 1) and (1, 0). SSB = 2.5 - 9/4 = 1/4, SSW = 1/2: ρ̂ = 0, drawn to 1/2.

    One event (the prompt without) against a prior of one: ρ = (0 · 1 + 1) / (1 + 1).
    """
    seeds = clustered.Seeds(index=np.array([0, 0, 1, 1]), sizes=np.array([2.0, 2.0]))
    worth = seeds.worth(np.array([4 / 2 + 1 / 2]), np.array([3.0]))
    assert worth[0] == pytest.approx(seeds.most / (1 + (seeds.most / seeds.least - 1) / 2))


def test_many_ways_to_have_fewer_by_hand():
    """Events 2 of 2, 1 of 4: one or two are kept in the full seed, a third in the other."""
    seeds = clustered.Seeds.of(seeds_of([2, 4]))
    counts, squares = seeds.fewer(np.array([2.0, 1.0]))
    assert counts.tolist() == [0, 1, 2, 3]
    assert squares.tolist() == [0, 1, 2, 2.25]


@st.composite
def worsened(draw):
    """Sizes of seeds, a change of each prompt in {-1, 0, 1}, and one that is made worse."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=9, max_size=24).filter(lambda s: max(s) > 1))
    change = draw(
        st.lists(st.sampled_from([-1, 0, 0, 1]), min_size=sum(sizes), max_size=sum(sizes))
    )
    at = draw(st.integers(0, sum(sizes) - 1))
    change[at] = min(change[at], 0)
    return sizes, np.array(change), at


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(worsened())
def test_no_end_falls_when_any_prompt_gets_worse(case):
    sizes, change, at = case
    seeds = clustered.Seeds.of(seeds_of(sizes))
    worse = change.copy()
    worse[at] += 1
    ends = []
    for one in (change, worse):
        pair = clustered.difference((one > 0) * 1.0, (one < 0) * 1.0, seeds)
        hits = clustered.share((one > -1) * 1.0, seeds)
        ends.append([pair.low, pair.high, hits.low, hits.high])
    assert np.all(np.diff(ends, axis=0) >= -1e-9)


def test_n_alone_would_not_cover_what_never_happened():
    """Why 0 of 44 from 19 seeds reaches 26 %, not 8 %: at 10 %, one sample in seven shows none."""
    ours = intervals.wilson(0, intervals.effective_size(seeds_of(REAL))).high
    naive = intervals.wilson(0, 44).high
    assert (round(ours, 3), round(naive, 3)) == (0.256, 0.080)
    none = np.mean((drawn(REAL, 1.0, 2000, 7) >= 0.1).all(axis=1))
    assert none > 0.1 and naive < 0.1 < ours


@pytest.mark.thorough
@pytest.mark.parametrize("sizes", [[4] * 20, REAL, [10] * 10, [1] * 40], ids=str)
def test_one_more_lost_refusal_never_helps(sizes):
    """In whatever order prompts are lost, both ends of both intervals rise with each."""
    seeds = seeds_of(sizes)
    for trial in range(5):
        order = np.random.default_rng(trial).permutation(len(seeds))
        lost = np.zeros(len(seeds))
        ends = []
        for prompt in (None, *order):
            if prompt is not None:
                lost[prompt] = 1
            rate = paired.share(lost.astype(bool), seeds, 0.95)
            drop = paired.difference(lost, np.zeros_like(lost), seeds, 0.95)
            assert not isinstance(rate, str) and not isinstance(drop, str)
            ends.append([rate.interval.low, rate.interval.high, drop.interval.low, drop.interval.high])  # fmt: skip  # noqa: E501
        assert np.all(np.diff(ends, axis=0) >= -1e-9)


def test_zero_lost_and_one_lost_of_twenty_seeds_of_four():
    """The attack this rule answers: 0 lost was inconclusive at ±10 points, 1 lost passed."""
    seeds, lost = seeds_of([4] * 20), np.zeros(80)
    none = paired.difference(lost, lost, seeds, 0.95)
    lost = lost.copy()
    lost[0] = 1
    one = paired.difference(lost, np.zeros(80), seeds, 0.95)
    assert not isinstance(none, str) and not isinstance(one, str)
    assert 0.17 < none.interval.high <= one.interval.high + 1e-9


@pytest.mark.parametrize("n", [40, 120])
def test_one_prompt_a_seed_is_exactly_wilson_and_tango(n):
    seeds = seeds_of([1] * n)
    for hits in (0, 1, n // 3, n):
        lost = np.arange(n) < hits
        rate = paired.share(lost, seeds, 0.95)
        drop = paired.difference(lost.astype(float), np.zeros(n), seeds, 0.95)
        assert not isinstance(rate, str) and not isinstance(drop, str)
        assert rate.interval == intervals.wilson(hits, n)
        assert drop.interval == intervals.tango(hits, 0, n)


def test_effective_size_without_clusters_is_n():
    assert intervals.effective_size(np.array(["a", "b", "c"])) == 3
    assert intervals.effective_size(np.array([], dtype=str)) == 0


def test_one_seed_with_300_rewrites_is_worth_nothing():
    assert intervals.effective_size(np.array(["a"] * 300)) == 0


def test_seeds_of_one_size_are_worth_their_number_less_the_allowance_for_few():
    assert intervals.effective_size(seeds_of([5] * 40)) == pytest.approx(37.56, abs=0.01)
    assert intervals.effective_size(seeds_of([50] * 40)) == pytest.approx(37.56, abs=0.01)
    assert intervals.effective_size(seeds_of([2] * 2000)) == pytest.approx(2000, rel=0.002)


def test_what_leans_on_one_seed_is_worth_little():
    """Half of the prompts from one seed: nothing is claimed. A ninth: a third of n."""
    assert intervals.effective_size(seeds_of([40] + [1] * 40)) < paired.MINIMUM_N
    assert intervals.effective_size(seeds_of([5] + [1] * 40)) == pytest.approx(16.4, abs=0.1)
