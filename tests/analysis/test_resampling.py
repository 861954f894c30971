from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gatekeeper.analysis import resampling


def naive(scores, counts, total, size):
    """The plain loop that the matrix product must equal, in exact whole numbers."""
    whole = [[int(x) for x in row] for row in resampling.fixed_point(scores, total)]
    chosen = []
    for row in counts.astype(int).tolist():
        sums = [
            sum(w * x for w, x in zip(row, column, strict=True))
            for column in zip(*whole, strict=True)
        ]
        order = sorted(range(len(sums)), key=lambda i: (-sums[i], i))
        chosen.append(sorted(order[:size]))
    return chosen


def everyone(count):
    return np.ones(count, dtype=np.bool_)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(2, 9), st.integers(1, 12)),
        elements=st.one_of(
            st.sampled_from([0.0, 0.1, 0.2, 0.3, 1 / 3, -0.1]),
            st.floats(-1e6, 1e6, allow_nan=False),
        ),
    ),
    st.integers(1, 14),
    st.integers(0, 3),
)
def test_equals_the_plain_loop_ties_included(scores, size, seed):
    counts = resampling.bootstrap_counts(len(scores), 20, seed)
    term = resampling.Term(scores=scores, weights=lambda rows: counts[rows], total=len(scores))
    found = resampling.resample([term], 20, everyone(scores.shape[1]), size, block=1)
    assert found.chosen.tolist() == naive(scores, counts, len(scores), size)


def test_the_order_of_seeds_changes_no_selection():
    """Sums are exact: 0.1 + 0.2 + 0.3 in whatever order."""
    generator = np.random.default_rng(1)
    scores = generator.choice([0.1, 0.2, 0.3, 0.7], size=(40, 50))
    counts = resampling.bootstrap_counts(40, 200, 0)
    order = generator.permutation(40)
    a, b = (
        resampling.resample(
            [resampling.Term(scores=s, weights=c.__getitem__, total=40)],
            200,
            everyone(50),
            7,
            block=1,
        )
        for s, c in ((scores, counts), (scores[order], counts[:, order]))
    )
    assert np.array_equal(a.chosen, b.chosen)


def test_chunks_change_nothing(monkeypatch):
    scores = np.random.default_rng(0).random((12, 30))
    whole = resampling.resample([resampling.bootstrap(scores, 300, 5)], 300, everyone(30), 4, 1)
    monkeypatch.setattr(resampling, "BYTES", 8 * 30 * 7)
    parts = resampling.resample([resampling.bootstrap(scores, 300, 5)], 300, everyone(30), 4, 1)
    assert np.array_equal(whole.chosen, parts.chosen)


def test_a_contrast_of_unlike_sizes_is_a_difference_of_means():
    generator = np.random.default_rng(2)
    left, right = generator.random((21, 15)), generator.random((8, 15))
    terms = [
        resampling.half_samples(left, 100, 3),
        resampling.half_samples(right, 100, 4, sign=-1),
    ]
    found = resampling.resample(terms, 100, everyone(15), 5, block=2)
    means = (
        terms[0].weights(slice(0, 100)) @ left / 10 - terms[1].weights(slice(0, 100)) @ right / 4
    )
    wanted = np.sort(np.argsort(-means, axis=1, kind="stable")[:, :5], axis=1)
    assert np.array_equal(found.chosen, wanted)


def test_ties_go_to_the_lower_index():
    found = resampling.resample(
        [resampling.bootstrap(np.ones((5, 6)), 3, 0)], 3, everyone(6), 2, block=1
    )
    assert found.probability.tolist() == [1, 1, 0, 0, 0, 0]


def test_slots_that_are_no_experts_are_never_selected():
    candidates = np.array([False, True, False, True])
    found = resampling.resample(
        [resampling.bootstrap(np.ones((5, 4)), 3, 0)], 3, candidates, 3, block=1
    )
    assert found.probability.tolist() == [0, 1, 0, 1]
    assert found.candidates == 2


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e12, 1e300])
def test_fixed_point_keeps_ranks_at_any_scale(scale):
    scores = np.random.default_rng(0).random((9, 20)) * scale
    whole = resampling.fixed_point(scores, 9)
    assert np.array_equal(np.argsort(whole.sum(axis=0)), np.argsort(scores.sum(axis=0)))
    assert float(np.abs(whole).max()) * 9 < 2**53


def test_bootstrap_counts_are_draws_of_every_seed_alike():
    counts = resampling.bootstrap_counts(9, 4000, 1)
    assert (counts.sum(axis=1) == 9).all()
    assert np.array_equal(counts, resampling.bootstrap_counts(9, 4000, 1))
    assert not np.array_equal(counts, resampling.bootstrap_counts(9, 4000, 2))
    # A count is binomial(9, 1/9): variance 8/9.
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.06)
    assert counts.var(axis=0) == pytest.approx(8 / 9, abs=0.1)


@pytest.mark.parametrize("seeds", [10, 11])
def test_half_samples_come_in_disjoint_pairs(seeds):
    counts = resampling.half_sample_counts(seeds, 21, 0)
    assert len(counts) == 22
    assert set(np.unique(counts).tolist()) == {0.0, 1.0}
    for pair in range(0, 22, 2):
        assert not np.any((counts[pair] > 0) & (counts[pair + 1] > 0))
        assert np.count_nonzero(counts[pair]) == seeds // 2


def test_borderline_marks_what_noise_could_move():
    probability = np.array([1.0, 0.91, 0.5, 0.0])
    assert resampling.borderline(probability, 0.9, 100).tolist() == [False, True, False, False]


def test_a_seed_is_in_the_same_half_in_every_set_and_halves_share_none():
    """The sets overlap: 15 seeds are in both, 6 and 10 in one alone."""
    names = [f"s{i:02d}" for i in range(31)]
    sets = (names[:21], [*names[:15], *names[21:]])
    scores = [np.zeros((len(own), 3)) for own in sets]
    terms = resampling.half_samples_of_sets(list(zip(sets, scores, strict=True)), 41, 0)
    assert [term.total for term in terms] == [7 + 3, 7 + 5]
    drawn = [
        [{n for n, w in zip(own, row, strict=True) if w} for row in term.weights(slice(None))]
        for own, term in zip(sets, terms, strict=True)
    ]
    for one, other in zip(*drawn, strict=True):
        shared = set(names[:15])
        assert one & shared == other & shared
        assert (len(one), len(other)) == (10, 12)
    for own in drawn:
        assert len(own) == 42
        assert not any(a & b for a, b in zip(own[::2], own[1::2], strict=True))


def test_of_one_set_they_are_the_usual_half_samples():
    scores = np.random.default_rng(0).normal(size=(20, 5))
    seeds = [f"s{i:02d}" for i in range(20)]
    (found,) = resampling.half_samples_of_sets([(seeds, scores)], 30, 7)
    usual = resampling.half_samples(scores, 30, 7)
    assert np.array_equal(found.weights(slice(None)), usual.weights(slice(None)))
    assert found.total == usual.total


def test_the_largest_of_two_means_selects_what_either_is_largest_in():
    """Halves of 10 and of 5: means are compared, not sums."""
    first, second = np.zeros((20, 4)), np.zeros((10, 4))
    first[:, 1], first[:, 3], second[:, 2] = 1.0, 0.7, 1.2
    names = [f"s{i:02d}" for i in range(30)]
    terms = resampling.half_samples_of_sets([(names[:20], first), (names[20:], second)], 10, 0)
    largest = resampling.resample(terms, 10, everyone(4), 1, block=2, join=np.maximum)
    assert (largest.chosen == 2).all()
    both = resampling.resample(terms, 10, everyone(4), 2, block=2, join=np.maximum)
    assert (both.chosen == [1, 2]).all()
