"""How much a few experts carry, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gatekeeper.analysis.concentration import Concentration, concentration, gini
from gatekeeper.analysis.intervals import t_quantile
from tests.typed import only


def scores(measured: list[list[float]], ranked: list[float]) -> np.ndarray:
    """Every other seed ranks, all alike; the others measure."""
    return np.array([row for one in measured for row in (ranked, one)], np.float64)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([0, 0, 0, 4], 0.75), ([0.1, 0.3], 0.25), ([1, 1, 1], 0.0), ([0, 0], 0.0), ([3, 1], 0.25)],
)
def test_gini(values: list[float], wanted: float) -> None:
    assert gini(np.array(values, np.float64)) == pytest.approx(wanted)


def test_the_share_is_a_ratio_of_means_with_its_interval() -> None:
    """Two of three experts carry 4 each time, the first 3 of it on average, give or take 0.1."""
    rows = [[2.9, 1.1, 0.0], [3.1, 0.9, 9.0], *([3.0, 1.0, 0.0] for _ in range(4))]
    found = only(Concentration, concentration(scores(rows, [2, 1, -1]), 1, 0.95))
    assert found.share == pytest.approx(0.75)
    error = math.sqrt((0.1**2 + 0.1**2) / 5) / (math.sqrt(6) * 4)
    reach = t_quantile(0.95, 5) * error
    assert found.interval.low == pytest.approx(0.75 - reach)
    assert found.interval.high == pytest.approx(0.75 + reach)
    assert (found.seeds, found.interval.confidence) == (6, 0.95)
    # Experts that carry less than nothing count as nothing there.
    mean = scores(rows, [2, 1, -1]).mean(axis=0)
    assert found.gini == pytest.approx(gini(np.maximum(mean, 0.0)))


def test_all_that_carry_have_all_of_it_and_ends_stay_shares() -> None:
    rows = [[2.0, 1.0], [3.0, 1.0], [2.5, 1.0], [2.5, 1.0]]
    found = only(Concentration, concentration(scores(rows, [2, 1]), 2, 0.95))
    assert (found.share, found.interval.low, found.interval.high) == (1.0, 1.0, 1.0)
    wild = [[4.0, 0.0], [0.1, 3.9], [4.0, 0.0], [0.1, 3.9]]
    found = only(Concentration, concentration(scores(wild, [2, 1]), 1, 0.95))
    assert (found.interval.low, found.interval.high) == (0.0, 1.0)


def test_what_cannot_be_told_from_nothing_has_none() -> None:
    """Mean 1, t(3) · sd / √4 just above and just below it."""
    edge = 2 / t_quantile(0.95, 3) / math.sqrt(4 / 3)
    for apart, told in ((1.01 * edge, True), (0.99 * edge, False)):
        rows = [[1 + apart], [1 - apart], [1 + apart], [1 - apart]]
        found = concentration(scores(rows, [1.0]), 1, 0.95)
        assert isinstance(found, str) is told
