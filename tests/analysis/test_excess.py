"""The excess of a drop over random masks: by hand, by simulation, and never against the answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.analysis import betting, clustered, paired
from gatekeeper.analysis.excess import Changes, control_mean, excess, excess_by_betting
from gatekeeper.analysis.intervals import effective_size, normal_quantile, t_quantile
from tools.validate.coverage_excess import World
from tools.validate.coverage_excess import excess as coverage


def changes(net) -> Changes:
    net = np.atleast_2d(net)
    return Changes(lost=(net > 0) * 1.0, won=(net < 0) * 1.0)


def joined(selected, controls, seeds):
    one = changes(selected)
    drop = paired.difference(one.lost[0], one.won[0], seeds, 0.95)
    assert not isinstance(drop, str)
    return drop, excess(drop, one, changes(controls), seeds, 0.95)


def names(n: int) -> np.ndarray:
    return np.array([f"s{i:03d}" for i in range(n)])


def test_by_hand():
    """20 prompts, 8 lost; both random masks lose the first two of those and no other.

    Covariance of the means: (0.1 - 0.4 · 0.1) · 20/19 / 20. Lower end: giving up no prompt is best.
    """
    selected = np.arange(20) < 8
    controls = np.array([np.arange(20) < 2] * 2)
    drop, (value, mean, found) = joined(selected * 1, controls * 1, names(20))
    assert (value, mean) == (pytest.approx(0.3), pytest.approx(0.1))
    beside = control_mean(changes(controls * 1), names(20), 0.95)[1]
    z = normal_quantile(0.95)
    shared = z * z * 0.06 / 19

    def upper(back: int, left: float) -> float:
        """With so many prompts won back, and what is left of the covariance."""
        up = drop.interval.high - 0.4 + back / 20
        return 0.3 - back / 20 + math.sqrt(up**2 + (0.1 - beside.low) ** 2 - 2 * left)

    # A prompt that both lose gives 3/4 of the covariance: one back leaves a quarter, two nothing.
    ends = [upper(0, shared), upper(1, shared / 4), *(upper(d, 0) for d in range(2, 9))]
    assert found.high == pytest.approx(max(ends))
    assert found.high > ends[0] + 0.01
    low = math.sqrt((0.4 - drop.interval.low) ** 2 + (beside.high - 0.1) ** 2 - 2 * shared)
    assert found.low == pytest.approx(0.3 - low)


def test_without_covariance_it_is_the_plain_join():
    """Random masks that lose nothing: hypotenuse of both margins."""
    drop, (value, mean, found) = joined(np.arange(20) < 8, np.zeros((3, 20)), names(20))
    beside = control_mean(changes(np.zeros((3, 20))), names(20), 0.95)[1]
    assert (value, mean) == (pytest.approx(0.4), 0)
    assert found.high == pytest.approx(0.4 + math.hypot(drop.interval.high - 0.4, beside.low))
    assert found.low == pytest.approx(0.4 - math.hypot(0.4 - drop.interval.low, beside.high))


def test_unlike_masks_widen_the_interval_of_their_mean():
    """Drops of 0 and 50 %: mean 25, standard error 25 points, t with one degree of freedom."""
    controls = np.array([np.zeros(20), np.arange(20) < 10])
    mean, found = control_mean(changes(controls), names(20), 0.95)
    assert mean == 0.25
    prompts = clustered.difference(
        controls.ravel(), np.zeros(40), clustered.Seeds.of(names(20)).times(2), monotone=False
    )
    error = t_quantile(0.95, 1) * 0.25
    assert found.high == pytest.approx(0.25 + math.hypot(prompts.high - 0.25, error))


@st.composite
def worsened(draw):
    n = draw(st.integers(8, 30))
    seeds = draw(st.sampled_from([1, 1, 2]))
    change = st.sampled_from([-1, 0, 0, 1, 1])
    selected = draw(st.lists(change, min_size=n, max_size=n))
    controls = draw(st.lists(st.lists(change, min_size=n, max_size=n), min_size=2, max_size=4))
    at = draw(st.integers(0, n - 1))
    selected[at] = min(selected[at], 0)
    return np.array(selected), np.array(controls), at, names(n * 2)[np.arange(n) // seeds]


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(worsened())
def test_no_end_falls_when_the_selected_mask_loses_one_more(case):
    selected, controls, at, seeds = case
    if paired.too_few(len(seeds), effective_size(seeds)):
        return
    worse = selected.copy()
    worse[at] += 1
    (_, (value, _, before)), (_, (_, _, after)) = (
        joined(one, controls, seeds) for one in (selected, worse)
    )
    assert before.low - 1e-9 <= value <= before.high + 1e-9
    assert after.low >= before.low - 1e-9
    assert after.high >= before.high - 1e-9


@pytest.mark.parametrize("drawn", [False, True])
def test_it_covers(drawn):
    """In 200 samples: at least 93 % less their noise; narrower than the 31 points it had."""
    found = coverage(
        World(sizes=(1,) * 50, agreement=0.5, selected=0.2, control=0.05, drawn=drawn), 200
    )
    assert found.share >= 0.90
    assert found.width < 0.27


def test_by_betting_a_fifth_of_the_error_rate_is_for_the_spread_between_masks():
    """Three masks that lose 9, 10 and 11 of 60: a standard error of their mean of 1/60 / √3."""
    selected = np.arange(60) < 30
    controls = np.array([np.arange(60) < lost for lost in (9, 10, 11)])
    one = changes(selected * 1)
    drop = paired.difference(one.lost[0], one.won[0], names(60), 0.95)
    assert not isinstance(drop, str)
    value, mean, found = excess_by_betting(
        drop, one, changes(controls * 1), names(60), 0.95, largest=1
    )
    assert [value, mean] == pytest.approx([0.5 - 1 / 6, 1 / 6])
    apart = betting.interval(selected - controls.mean(axis=0), names(60), 0.96)
    margin = t_quantile(0.99, 2) / 60 / math.sqrt(3)
    assert found.low == pytest.approx(apart.low - margin)
    assert found.high == pytest.approx(apart.high + margin)
    assert (found.confidence, found.method) == (0.95, betting.METHOD)
