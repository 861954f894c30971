from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gatekeeper.analysis import stability
from gatekeeper.analysis.resampling import Resampled, bootstrap, half_samples, resample
from tests.typed import some


def given(sets, experts, block=1):
    chosen = np.sort(np.array(sets, dtype=np.int32), axis=1)
    return Resampled(chosen=chosen, experts=experts, candidates=experts, block=block)


def paper(sets, experts):
    """Φ and its variance word for word as in Nogueira et al. (2018), eq. 4 and theorem 7."""
    z = np.zeros((len(sets), experts))
    for row, chosen in enumerate(sets):
        z[row, list(chosen)] = 1
    m, d = z.shape
    p, k = z.mean(axis=0), z.sum(axis=1)
    mean_k = k.mean()
    denominator = mean_k / d * (1 - mean_k / d)
    phi = 1 - (m / (m - 1) * p * (1 - p)).mean() / denominator
    each = [
        ((z[i] * p).mean() - k[i] * mean_k / d**2)
        + phi / 2 * (2 * mean_k * k[i] / d**2 - k[i] / d - mean_k / d + 1)
        for i in range(m)
    ]
    each = np.array(each) / denominator
    return phi, 4 / m**2 * ((each - each.mean()) ** 2).sum()


def test_equals_the_formulas_of_the_paper():
    generator = np.random.default_rng(0)
    sets = [sorted(generator.choice(12, 4, replace=False).tolist()) for _ in range(30)]
    sets += [[0, 1, 2, 3]] * 20
    found = some(stability.phi(given(sets, 12)))
    phi, variance = paper(sets, 12)
    assert found.value == pytest.approx(phi)
    reach = 1.959964 * variance**0.5 / (1 - phi)
    assert found.interval.low == pytest.approx(1 - (1 - phi) * np.exp(reach), rel=1e-5)
    assert found.interval.high == pytest.approx(1 - (1 - phi) * np.exp(-reach), rel=1e-5)
    for level in (0.9, 0.99):
        assert (
            stability.at_confidence(found, level)
            == some(stability.phi(given(sets, 12), level)).interval
        )
    assert found.resamples == 50


def test_one_if_all_agree_and_still_with_a_width():
    found = some(stability.phi(given([[1, 2]] * 100, 8)))
    assert found.value == 1
    assert found.interval.high == 1
    assert found.interval.low == pytest.approx(1 - 2 * (1 - 0.05**0.01))
    assert found.interval.method == stability.METHOD_ALIKE


def test_about_zero_by_chance():
    generator = np.random.default_rng(3)
    sets = [generator.choice(40, 5, replace=False).tolist() for _ in range(2000)]
    assert some(stability.phi(given(sets, 40))).value == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("sets", "experts"), [([[0]], 4), ([[0, 1]] * 5, 2), ([[]] * 5, 4)])
def test_none_where_it_is_not_defined(sets, experts):
    assert stability.phi(given(sets, experts)) is None


def test_more_resamples_narrow_the_interval():
    scores = np.random.default_rng(5).random((30, 60))
    widths = []
    for draws in (50, 500, 5000):
        found = resample([bootstrap(scores, draws, 0)], draws, np.ones(60, dtype=np.bool_), 6, 1)
        interval = some(stability.phi(found)).interval
        widths.append(interval.high - interval.low)
    assert all(a > b for a, b in pairwise(widths))


def test_pairs_are_taken_together():
    """Halves of a pair lean opposite ways: as independent draws the interval would be too wide."""
    scores = np.random.default_rng(5).random((30, 60))
    everyone = np.ones(60, dtype=np.bool_)
    pairs = resample([half_samples(scores, 400, 0)], 400, everyone, 6, block=2)
    alone = Resampled(chosen=pairs.chosen, experts=60, candidates=60, block=1)
    assert some(stability.phi(pairs)).value == some(stability.phi(alone)).value
    assert some(stability.phi(pairs)).interval != some(stability.phi(alone)).interval


def test_pairs_that_differ_each_in_the_same_way_are_not_called_alike():
    """Two experts tie in total: one half of each pair takes one, the other half the other."""
    scores = np.zeros((22, 6))
    scores[::2, 0], scores[1::2, 1] = 1.0, 1.0
    pairs = resample([half_samples(scores, 200, 0)], 200, np.ones(6, dtype=np.bool_), 1, block=2)
    found = some(stability.phi(pairs))
    # As if drawn one by one.
    assert found.interval == some(stability.phi(replace(pairs, block=1))).interval
    assert found.value < 0.9
    assert found.interval.low <= found.value <= found.interval.high
    assert found.interval.method == stability.METHOD
