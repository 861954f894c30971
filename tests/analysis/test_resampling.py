from __future__ import annotations

import numpy as np
import pytest

from gatekeeper.analysis import resampling


def naive_probability(values, weights, size):
    """The plain loop the matrix product must equal."""
    hits = np.zeros(values.shape[1])
    for row in weights:
        score = sum(w * v for w, v in zip(row, values, strict=True))
        order = sorted(range(len(score)), key=lambda i: (-score[i], i))
        hits[order[:size]] += 1
    return hits / len(weights)


def test_equals_the_plain_loop():
    generator = np.random.default_rng(0)
    values = generator.random((12, 30))
    weights = resampling.bootstrap_weights(12, 300, 5)
    found = resampling.selection_probability(lambda rows: weights[rows] @ values, 300, 30, 4)
    assert np.allclose(found, naive_probability(values, weights, 4))


def test_ties_go_to_the_lower_index():
    found = resampling.selection_probability(lambda rows: np.zeros((3, 6)), 3, 6, 2)
    assert found.tolist() == [1, 1, 0, 0, 0, 0]


def test_slots_that_are_no_experts_are_never_selected():
    scores = np.array([[-np.inf, 0.5, -np.inf]])
    found = resampling.selection_probability(lambda rows: scores, 1, 3, 3)
    assert found.tolist() == [0, 1, 0]


def test_bootstrap_weights_are_means_and_repeatable():
    first = resampling.bootstrap_weights(9, 50, 1)
    assert np.allclose(first.sum(axis=1), 1)
    assert np.array_equal(first, resampling.bootstrap_weights(9, 50, 1))
    assert not np.array_equal(first, resampling.bootstrap_weights(9, 50, 2))


@pytest.mark.parametrize("seeds", [10, 11])
def test_half_samples_come_in_disjoint_pairs(seeds):
    weights = resampling.half_sample_weights(seeds, 21, 0)
    assert len(weights) == 22
    assert np.allclose(weights.sum(axis=1), 1)
    for pair in range(0, 22, 2):
        assert not np.any((weights[pair] > 0) & (weights[pair + 1] > 0))
        assert np.count_nonzero(weights[pair]) == seeds // 2


def test_false_selection_bound_by_hand():
    assert resampling.false_selection_bound(8, 0.9, 64) == pytest.approx(64 / (0.8 * 64))
    assert resampling.false_selection_bound(8, 0.5, 64) is None


def test_borderline_marks_what_noise_could_move():
    probability = np.array([1.0, 0.91, 0.5, 0.0])
    assert resampling.borderline(probability, 0.9, 100).tolist() == [False, True, False, False]
