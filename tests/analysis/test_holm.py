from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.analysis.holm import step_down

_ps = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.004, 0.01, 0.02, 0.05]), max_size=12)


def stands(p: float, level: float) -> bool:
    return p <= 1 - level


def steps(ps, confidence=0.95):
    """Claims that stand at a level if their p is at most one minus it."""
    return step_down([partial(stands, p) for p in ps], confidence)


def holm(ps, alpha):
    """As in the paper: by order, until the first that is too large."""
    stand = [False] * len(ps)
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        # The same rounding as one minus a level, so that a p at its threshold is the same p.
        if ps[i] > 1 - (1 - alpha / (len(ps) - rank)):
            break
        stand[i] = True
    return tuple(stand)


def test_the_example_of_a_table():
    """p of 0.010, 0.013, 0.005 and 0.040 against 0.0125, 0.0167, 0.025 and 0.05: all stand."""
    assert steps([0.010, 0.013, 0.005, 0.040]).stand == (True,) * 4
    assert steps([0.010, 0.020, 0.005, 0.040]).stand == (True, True, True, True)
    assert steps([0.010, 0.030, 0.005, 0.040]).stand == (True, False, True, False)
    assert steps([0.013, 0.030, 0.020, 0.040]).stand == (False,) * 4


@given(_ps)
def test_it_is_holms_procedure(ps):
    alpha = 1 - 0.95
    assert steps(ps).stand == holm(ps, alpha)


@given(_ps)
def test_whatever_bonferroni_rejects_holm_rejects(ps):
    found = steps(ps)
    for p, stands in zip(ps, found.stand, strict=True):
        assert stands or p > 1 - found.first


@given(_ps, st.floats(0, 1))
def test_one_claim_more_never_helps_another(ps, more):
    before, after = steps(ps).stand, steps([*ps, more]).stand
    assert all(b or not a for a, b in zip(after, before, strict=False))


@given(_ps, st.randoms(use_true_random=False))
def test_order_does_not_matter(ps, rng):
    order = list(range(len(ps)))
    rng.shuffle(order)
    found = steps(ps)
    shuffled = steps([ps[i] for i in order])
    assert shuffled.stand == tuple(found.stand[i] for i in order)
    assert (shuffled.first, shuffled.last) == (found.first, found.last)


def test_levels_and_how_many_are_left():
    found = steps([0.001, 0.5, 0.5])
    assert (found.still, found.first) == (2, pytest.approx(1 - 0.05 / 3))
    assert found.last == pytest.approx(0.975)
    assert steps([]).stand == ()
    assert steps([0.0]).last == pytest.approx(0.95)
