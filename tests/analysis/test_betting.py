"""Intervals that hold whenever one stops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from gatekeeper.analysis import betting

ANSWERS = st.lists(st.sampled_from([-1.0, 0.0, 0.0, 0.0, 1.0]), min_size=2, max_size=60)


def own_seeds(n):
    return np.arange(n).astype(np.str_)


def test_no_event_at_all_has_the_end_of_its_closed_form():
    # Each bet grows by 1 + bet * m / (1 - m) a prompt where nothing is lost.
    def made(m):
        grown = (1 + betting._BETS * m / (1 - m)) ** 40
        return math.log(float(betting._STAKES @ grown)) - math.log(2 / 0.05)

    found = betting.interval(np.zeros(40), own_seeds(40), 0.95)
    assert found.high == pytest.approx(brentq(made, 1e-6, 0.9), abs=1e-8)
    assert found.low == pytest.approx(-found.high)
    assert betting.interval(np.zeros(40), own_seeds(40), 0.95, least=0.0).low == 0.0


@pytest.mark.thorough
def test_it_never_promises_what_looking_on_breaks():
    """The end is looked at after every prompt, and must hold at all of them at once."""
    rng = np.random.default_rng(3)
    n, runs, truth = 120, 400, 0.1
    wrong = 0
    for _ in range(runs):
        answers = rng.choice([1.0, -1.0, 0.0], p=[0.12, 0.02, 0.86], size=n)
        found = [betting.interval(answers[:t], own_seeds(t), 0.9) for t in range(5, n + 1, 5)]
        wrong += any(not one.low <= truth <= one.high for one in found)
    # At most 10 % in truth; 400 runs that err so often show more than 13.5 % once in a hundred.
    assert wrong / runs <= 0.135


def test_seeds_that_agree_count_once():
    rng = np.random.default_rng(4)
    wrong, runs = 0, 300
    for _ in range(runs):
        sizes = rng.integers(1, 6, size=30)
        answers = np.repeat(rng.random(30) < 0.3, sizes).astype(float)
        seeds = np.repeat(np.arange(30), sizes).astype(np.str_)
        found = betting.interval(answers, seeds, 0.9, least=0.0)
        wrong += not found.low <= 0.3 <= found.high
    assert wrong / runs <= 0.15
    alone = betting.interval(np.zeros(60), own_seeds(60), 0.95)
    shared = betting.interval(np.zeros(60), np.repeat(np.arange(12), 5).astype(np.str_), 0.95)
    assert shared.high > 2 * alone.high


def test_a_seed_that_may_be_larger_makes_bets_smaller():
    known, larger = (
        betting.interval(np.zeros(40), own_seeds(40), 0.95, largest=most) for most in (1, 4)
    )
    assert larger.high > known.high
    with_four = np.repeat(np.arange(10), 4).astype(np.str_)
    seen = betting.interval(np.zeros(40), with_four, 0.95)
    assert seen == betting.interval(np.zeros(40), with_four, 0.95, largest=4)


@settings(max_examples=60, deadline=None)
@given(ANSWERS, st.randoms(use_true_random=False))
def test_one_more_loss_moves_both_ends_up_and_order_moves_none(answers, random):
    values, seeds = np.array(answers), own_seeds(len(answers))
    found = betting.interval(values, seeds, 0.95)
    assert found.low <= values.mean() <= found.high
    places = list(range(len(answers)))
    random.shuffle(places)
    again = betting.interval(values[places], seeds[places], 0.95)
    assert (again.low, again.high) == pytest.approx((found.low, found.high), abs=1e-9)
    if (values < 1).any():
        values[np.flatnonzero(values < 1)[0]] += 1.0
        worse = betting.interval(values, seeds, 0.95)
        assert worse.low >= found.low - 1e-9
        assert worse.high >= found.high - 1e-9


@settings(max_examples=40, deadline=None)
@given(ANSWERS, st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_more_confidence_is_wider(answers, one, other):
    values, seeds = np.array(answers), own_seeds(len(answers))
    narrow, wide = (betting.interval(values, seeds, c) for c in sorted((one, other)))
    assert wide.low <= narrow.low + 1e-9
    assert wide.high >= narrow.high - 1e-9


@pytest.mark.parametrize("values", [[], [2.0, 0.0], [0.0, -1.5]])
def test_answers_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match="answers"):
        betting.interval(np.array(values), own_seeds(len(values)), 0.95)
