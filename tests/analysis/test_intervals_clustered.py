"""Prompts that share seeds: what they are worth, and how often intervals then hold the truth."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from gatekeeper.analysis import intervals, paired

ROOT = Path(__file__).parents[2]


def seeds_of(sizes) -> np.ndarray:
    return np.repeat([f"s{i:03d}" for i in range(len(sizes))], sizes)


#: Sizes of the seeds of the benign set in docs/real-language.md: 44 prompts of 19 seeds.
REAL = [1] * 10 + [4] * 7 + [3] * 2

#: Sizes of the seeds of a set -> smallest coverage over `RATES`, for four degrees of agreement of
#: the prompts of a seed, in percent. docs/adr/0004 shows this table.
COVERAGE = {
    "10 seeds of 10": [10] * 10,
    "20 seeds of 3": [3] * 20,
    "20 seeds of 4": [4] * 20,
    "8 seeds of 5": [5] * 8,
    "50 seeds of 4": [4] * 50,
    "19 seeds of 1 to 4": REAL,
    "one seed of 5, 40 of 1": [5] + [1] * 40,
    "one seed of 10, 100 of 1": [10] + [1] * 100,
    "one seed of 40, 40 of 1": [40] + [1] * 40,
}
RATES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
AGREEMENT = (0.0, 0.5, 0.8, 1.0)


def simulated(sizes, truth: float, agreement: float, runs: int, seed: int) -> np.ndarray:
    """Means of `runs` sets in which prompts of a seed correlate by `agreement`.

    Each prompt takes its seed's answer with probability √agreement, else one of its own.
    """
    generator = np.random.default_rng([seed, int(1000 * truth), int(10 * agreement)])
    index = np.repeat(np.arange(len(sizes)), sizes)
    shared = generator.random((runs, len(sizes)))[:, index] < truth
    own = generator.random((runs, len(index))) < truth
    follows = generator.random((runs, len(index))) < math.sqrt(agreement)
    means: np.ndarray = np.where(follows, shared, own).mean(axis=1)
    return means


def coverage(sizes, truth: float, agreement: float, size: float, runs: int = 4000):
    """Shares of samples whose interval holds the truth, and whose upper end lies below it."""
    means, counts = np.unique(
        np.round(simulated(sizes, truth, agreement, runs, 11), 9), return_counts=True
    )
    found = [intervals.wilson(mean * size, size) for mean in means]
    held = sum(n for f, n in zip(found, counts, strict=True) if f.low <= truth <= f.high)
    beyond = sum(n for f, n in zip(found, counts, strict=True) if f.high < truth)
    return held / runs, beyond / runs


@pytest.mark.parametrize("name", COVERAGE)
def test_clustered_wilson_covers(name):
    """At least 93 % wherever rates lie from 2 to 50 %; a gate holds on to the upper end.

    Wilson's own interval for 50 independent prompts covers 92 % at a rate of 2 %.
    """
    sizes = COVERAGE[name]
    size = intervals.effective_size(seeds_of(sizes))
    least = 0.91 if len(sizes) == 50 else 0.93
    for truth in RATES:
        for agreement in AGREEMENT:
            held, beyond = coverage(sizes, truth, agreement, size)
            assert held >= least, (truth, agreement)
            assert beyond <= 0.03, (truth, agreement)


def test_the_table_of_coverage_in_the_decision_record():
    """The numbers of docs/adr/0004 are those simulated here."""
    record = (ROOT / "docs/adr/0004-statistics-of-the-gate.md").read_text(encoding="utf-8")
    for name, sizes in COVERAGE.items():
        size = intervals.effective_size(seeds_of(sizes))
        lowest = [
            min(100 * coverage(sizes, truth, agreement, size)[0] for truth in RATES)
            for agreement in AGREEMENT
        ]
        shown = f"{size:.1f}" if size >= paired.MINIMUM_N else f"{size:.1f}: no interval"
        row = " | ".join((name, str(sum(sizes)), shown, *(f"{x:.1f}" for x in lowest)))
        assert f"| {row} |" in record


@pytest.mark.parametrize("won", [0.0, 0.03])
@pytest.mark.parametrize("truth", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("sizes", [[10] * 10, [3] * 20, REAL], ids=["10x10", "20x3", "real"])
def test_clustered_tango_covers(sizes, truth, won):
    """Prompts of a seed that always agree; lost with `truth` + `won`, won with `won`."""
    generator = np.random.default_rng(5)
    size = intervals.effective_size(seeds_of(sizes))
    index = np.repeat(np.arange(len(sizes)), sizes)
    draws = generator.random((1000, len(sizes)))[:, index]
    lost = (draws < truth + won).mean(axis=1)
    back = ((draws >= truth + won) & (draws < truth + 2 * won)).mean(axis=1)
    found = [intervals.tango(a * size, b * size, size) for a, b in zip(lost, back, strict=True)]
    assert np.mean([f.low - 1e-9 <= truth <= f.high + 1e-9 for f in found]) >= 0.93
    assert np.mean([f.high < truth for f in found]) <= 0.03


def test_n_alone_would_not_cover_what_never_happened():
    """Why 0 of 44 from 19 seeds reaches 26 %, not 8 %: at 10 %, one sample in seven shows none."""
    ours = intervals.wilson(0, intervals.effective_size(seeds_of(REAL))).high
    naive = intervals.wilson(0, 44).high
    assert (round(ours, 3), round(naive, 3)) == (0.256, 0.080)
    none = np.mean(simulated(REAL, 0.1, 1.0, 2000, 7) == 0)
    assert none > 0.1 and naive < 0.1 < ours


@pytest.mark.parametrize("sizes", [[4] * 20, REAL, [10] * 10, [1] * 40], ids=str)
def test_one_more_lost_refusal_never_helps(sizes):
    """In whatever order prompts are lost, both ends of both intervals rise with each."""
    seeds = seeds_of(sizes)
    for trial in range(20):
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
    assert 0.17 < none.interval.high < one.interval.high


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
