"""Held against plain enumeration of all counts, with the intervals that the gate makes."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatekeeper.analysis.intervals import tango, wilson
from gatekeeper.analysis.power import (
    POWER,
    Design,
    design_of,
    exact_cut,
    largest_passing,
    smallest_failing,
    tail_p,
)
from gatekeeper.records.finding import Finding, Interval, Subject
from tests.typed import some


def chance_of_share(n, p, inside):
    return sum(stats.binom.pmf(x, n, p) for x in range(n + 1) if inside(wilson(x, n, inside.level)))


def chance_of_difference(n, lost, won, inside):
    total = 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            if inside(tango(a, b, n, inside.level)):
                rest = n - a - b
                total += stats.multinomial.pmf([a, b, rest], n, [lost, won, 1 - lost - won])
    return total


class Beyond:
    def __init__(self, limit, level):
        self.limit, self.level = limit, level

    def __call__(self, interval):
        return interval.low > self.limit


class Within(Beyond):
    def __call__(self, interval):
        return interval.high <= self.limit


@pytest.mark.parametrize(("n", "limit"), [(40, 0.1), (40, 0.25), (120, 0.1), (200, 0.02)])
@pytest.mark.parametrize("level", [0.95, 1 - 0.05 / 22])
def test_shares_are_those_of_plain_enumeration(n, limit, level):
    design = Design(n=n, won=None, limit=limit)
    fails, passes = smallest_failing(design, level), largest_passing(design, level)
    assert fails is not None
    assert chance_of_share(n, fails, Beyond(limit, level)) == pytest.approx(POWER, abs=1e-3)
    if passes is None:
        assert chance_of_share(n, 0.0, Within(limit, level)) < POWER
    else:
        assert chance_of_share(n, passes, Within(limit, level)) == pytest.approx(POWER, abs=1e-3)


@pytest.mark.parametrize(("n", "won", "limit"), [(40, 0.0, 0.1), (40, 0.05, 0.15), (30, 0.1, 0.2)])
def test_differences_are_those_of_plain_enumeration(n, won, limit):
    design = Design(n=n, won=won, limit=limit)
    fails, passes = smallest_failing(design, 0.98), largest_passing(design, 0.95)
    assert fails is not None
    found = chance_of_difference(n, fails + won, won, Beyond(limit, 0.98))
    assert found == pytest.approx(POWER, abs=2e-3)
    assert passes is not None
    found = chance_of_difference(n, passes + won, won, Within(limit, 0.95))
    assert found == pytest.approx(POWER, abs=2e-3)


def test_a_worked_value():
    """40 prompts, limit 10 %, 95 %: 9 lost begin to fail (8 give 10.5 % as lower end of 20 %)."""
    least = next(x for x in range(41) if wilson(x, 40).low > 0.1)
    value = smallest_failing(Design(n=40, won=None, limit=0.1), 0.95)
    assert value is not None
    assert stats.binom.sf(least - 1, 40, value) == pytest.approx(0.8, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(20, 300),
    st.floats(0.02, 0.5),
    st.none() | st.floats(0, 0.15),
    st.sampled_from([0.9, 0.95, 0.998]),
)
def test_more_prompts_tell_more(n, limit, won, level):
    """Over fourfold n: from one n to the next the power of whole counts rises in saw teeth."""
    few = smallest_failing(Design(n=n, won=won, limit=limit), level)
    many = smallest_failing(Design(n=4 * n, won=won, limit=limit), level)
    if few is not None:
        assert many is not None
        assert limit < many < few
    few = largest_passing(Design(n=n, won=won, limit=limit), level)
    many = largest_passing(Design(n=4 * n, won=won, limit=limit), level)
    if few is not None:
        assert many is not None
        assert few < many < limit


@pytest.mark.parametrize("won", [None, 0.0, 0.05])
def test_one_prompt_more_tells_at_most_a_tooth_less(won):
    found = [smallest_failing(Design(n=n, won=won, limit=0.1), 0.95) for n in range(30, 90)]
    for n, (few, many) in enumerate(pairwise(found), start=30):
        assert few is not None
        assert many is not None
        assert many < few + 1 / n


@given(st.integers(10, 200), st.floats(0.01, 0.9), st.floats(0.5, 0.99), st.floats(0.001, 0.49))
@settings(max_examples=30, deadline=None)
def test_a_higher_level_never_tells_more(n, limit, level, more):
    design = Design(n=n, won=None, limit=limit)
    low, high = (
        smallest_failing(design, level),
        smallest_failing(design, level + (1 - level) * more),
    )
    assert high is None or (low is not None and low <= high + 1e-6)


def test_what_no_value_would_decide():
    assert smallest_failing(Design(n=5, won=None, limit=0.9), 0.999) is None
    assert smallest_failing(Design(n=5, won=None, limit=1.0), 0.95) is None
    assert largest_passing(Design(n=20, won=None, limit=0.05), 0.95) is None
    assert largest_passing(Design(n=20, won=0.0, limit=0.0), 0.95) is None
    assert smallest_failing(Design(n=20, won=0.4, limit=0.3), 0.95) is None


@given(st.integers(1, 80), st.floats(0, 1), st.floats(-1, 1))
@settings(max_examples=150, deadline=None)
def test_no_limit_and_no_share_that_turns_the_other_way_makes_it_fail(n, won, limit):
    """All replies may turn the other way, and a limit may lie beyond what can be."""
    design = Design(n=n, won=won, limit=limit)
    for exact in (False, True):
        failing = smallest_failing(design, 0.99, exact=exact)
        assert failing is None or limit - 1e-6 <= failing <= 1 - 2 * won + 1e-6
    passing = largest_passing(design, 0.95)
    assert passing is None or -won - 1e-6 <= passing <= limit + 1e-6


def test_very_many_prompts_take_no_time_and_come_near_the_limit():
    value = smallest_failing(Design(n=20_000, won=0.01, limit=0.1), 0.99)
    assert value is not None
    assert 0.1 < value < 0.11


def finding(interval, value, n, clusters, **counts):
    scaled = Interval(
        low=100 * interval.low,
        high=100 * interval.high,
        confidence=interval.confidence,
        method=interval.method,
    )
    return Finding(
        metric="m",
        version=1,
        subject=Subject(),
        value=value,
        unit="points",
        interval=scaled,
        n=n,
        clusters=clusters,
        counts=counts,
    )


def test_independent_prompts_count_in_full():
    one = finding(wilson(4, 80), 5.0, 80, 80, hits=4)
    assert design_of(one, 10.0, upper=True) == Design(n=80, won=None, limit=0.1)
    found = some(design_of(one, 80.0, upper=False))
    assert replace(found, limit=0.2) == Design(n=80, won=None, limit=0.2)
    assert found.limit == pytest.approx(0.2)
    pair = finding(tango(6, 2, 80), 5.0, 80, 80, lost=6, won=2)
    assert design_of(pair, 10.0, upper=True) == Design(n=80, won=0.025, limit=0.1)
    assert design_of(pair, 10.0, upper=False) == Design(n=80, won=0.075, limit=-0.1)


def test_prompts_that_share_seeds_count_by_the_width_of_their_interval():
    narrow = wilson(2, 20)
    clustered = Interval(
        low=narrow.low, high=narrow.high, confidence=0.95, method="Wilson, clustered by seed"
    )
    found = design_of(finding(clustered, 10.0, 80, 20, hits=8), 10.0, upper=True)
    assert found == Design(n=20, won=None, limit=0.1)


def test_other_intervals_have_none():
    for method in ("MOVER with covariance", "Wilson, Bonferroni over 3 categories"):
        other = Interval(low=0.01, high=0.2, confidence=0.95, method=method)
        assert design_of(finding(other, 5.0, 80, 80), 10.0, upper=True) is None
    wider = Interval(low=0.0, high=0.5, confidence=0.95, method="Wilson")
    assert design_of(finding(wider, 5.0, 80, 80), 10.0, upper=True) is None


@pytest.mark.parametrize(("hits", "n", "limit"), [(9, 40, 0.1), (3, 60, 0.02), (40, 200, 0.1)])
def test_the_tail_of_a_share_is_the_exact_binomial_test(hits, n, limit):
    wanted = stats.binomtest(hits, n, limit, alternative="greater").pvalue
    found = tail_p(Design(n=n, won=None, limit=limit), hits / n)
    assert found == pytest.approx(wanted, abs=1e-7)


def test_the_tail_of_a_difference_is_that_of_plain_enumeration():
    """Of 12 lost and 2 won among 40 at a limit of 10 points, the worst over what may be won."""
    n, limit = 40, 0.1

    def score(a, b):
        q_b = -a - b + (2 * n - a + b) * limit
        q = (np.sqrt(q_b**2 + 8 * n * b * limit * (1 - limit)) - q_b) / (4 * n)
        return (a - b - n * limit) / np.sqrt(n * (2 * q + limit * (1 - limit)))

    beyond = [
        (a, b) for a in range(n + 1) for b in range(n + 1 - a) if score(a, b) >= score(12, 2) - 1e-9
    ]
    wide = wilson(2, n, 1 - 1e-5)
    tails = []
    for won in np.linspace(wide.low, min(wide.high, 0.45), 40):
        p = [limit + won, won, 1 - limit - 2 * won]
        counts = [[a, b, n - a - b] for a, b in beyond]
        tails.append(stats.multinomial.pmf(counts, n, p).sum())
    found = tail_p(Design(n=n, won=2 / n, limit=limit), 0.25)
    assert found == pytest.approx(max(tails), rel=0.03)


@pytest.mark.parametrize(("n", "limit"), [(40, 0.02), (60, 0.1), (60, 0.02)])
def test_an_exact_claim_among_many_needs_more(n, limit):
    """As the gate asks: Wilson beyond, and a tail within the level. Power by plain enumeration."""
    level = 1 - 0.05 / 60
    design = Design(n=n, won=None, limit=limit)
    fails = smallest_failing(design, level, exact=True)
    assert fails is not None
    claimed = [
        x
        for x in range(n + 1)
        if wilson(x, n, level).low > limit and stats.binom.sf(x - 1, n, limit) <= 1 - level
    ]
    assert np.sum(stats.binom.pmf(claimed, n, fails)) == pytest.approx(POWER, abs=1e-3)
    alone = smallest_failing(design, level)
    assert alone is not None
    assert fails > alone


@pytest.mark.parametrize(("n", "won", "limit"), [(10, 0.4, 0.3), (20, 0.45, 0.1), (8, 0.25, 0.5)])
def test_where_half_the_prompts_turn_the_other_way_a_tail_is_still_a_chance(n, won, limit):
    """At the limit no more than (1 - limit) / 2 can turn back: lost and won are at most all."""
    at_limit, beyond = (tail_p(Design(n=n, won=won, limit=limit), d) for d in (limit, limit + 0.1))
    assert 0.4 < at_limit < 0.8
    assert 0 < beyond < at_limit
    # The chance that the other share is elsewhere is added.
    assert tail_p(Design(n=n, won=won, limit=limit), limit + 0.1, 0.6) > 0.6


def test_what_is_never_too_likely_has_no_cut():
    design = Design(n=20, won=None, limit=0.1)
    assert exact_cut(design, 0.05) > 1
    assert exact_cut(design, 1.01) == -math.inf
