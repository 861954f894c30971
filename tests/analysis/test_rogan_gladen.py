"""Rates corrected for a judge's errors: a published example, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.analysis.rogan_gladen import Corrected, corrected_rate


def corrected(positive: float, n: float, card: tuple[float, float, float, float]) -> Corrected:
    detected, refusals, cleared, others = card
    found = corrected_rate(
        positive, n, detected=detected, refusals=refusals, cleared=cleared, others=others
    )
    assert isinstance(found, Corrected)
    return found


def test_the_example_of_lang_and_reiczigel() -> None:
    """Their example 1, as the R package asht gives it: 0.349 to 0.372."""
    found = corrected(4060, 11284, (178, 179, 358, 359))
    assert round(found.interval.low, 3) == 0.349
    assert round(found.interval.high, 3) == 0.372
    assert found.raw == pytest.approx(0.35980, abs=1e-5)
    # (4060/11284 + 358/359 - 1) / (178/179 + 358/359 - 1), by hand
    assert found.value == pytest.approx(0.3600, abs=1e-4)
    assert found.interval.method == "Lang–Reiczigel"


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((12, 40, 27, 30, 57, 60), (0.2941176, 0.1320641, 0.4983812)),
        ((60, 100, 40, 50, 36, 40), (0.7142857, 0.5362904, 0.9137166)),
    ],
)
def test_small_samples(numbers: tuple[int, ...], told: tuple[float, float, float]) -> None:
    """By the same formulas coded apart, after asht's: here the shift of the centre counts."""
    x, n, *card = numbers
    found = corrected(x, n, (card[0], card[1], card[2], card[3]))
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx(told, abs=1e-6)


def test_a_perfect_judge_changes_nothing_but_the_interval() -> None:
    small, large = (
        corrected(30, 100, (20, 20, 20, 20)),
        corrected(30, 100, (2000, 2000, 2000, 2000)),
    )
    assert small.value == large.value == pytest.approx(0.3)
    assert small.interval.low < large.interval.low < 0.3 < large.interval.high < small.interval.high


def test_a_judge_that_misses_half_sees_half() -> None:
    assert corrected(200, 1000, (500, 1000, 1000, 1000)).value == pytest.approx(0.4)


def test_beyond_what_can_be_is_cut() -> None:
    assert corrected(0, 100, (90, 100, 90, 100)).value == 0.0
    assert corrected(100, 100, (90, 100, 90, 100)).value == 1.0


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ((0, 0, 1, 1, 1, 1), "no reply"),
        ((1, 2, 0, 0, 1, 1), "lacks labelled"),
        ((1, 2, 1, 1, 0, 0), "lacks labelled"),
        ((1, 2, 5, 10, 5, 10), "no better than chance"),
        ((1, 2, 2, 10, 2, 10), "no better than chance"),
    ],
)
def test_what_cannot_be_corrected_says_why(numbers: tuple[float, ...], why: str) -> None:
    positive, n, detected, refusals, cleared, others = numbers
    found = corrected_rate(
        positive, n, detected=detected, refusals=refusals, cleared=cleared, others=others
    )
    assert isinstance(found, str)
    assert why in found


def test_counts_that_fit_no_sample_are_refused() -> None:
    with pytest.raises(ValueError, match="no share of 3 in 2"):
        corrected(3, 2, (1, 1, 1, 1))


@given(*[st.tuples(st.integers(0, 400), st.integers(1, 400)) for _ in range(3)])
def test_the_estimate_lies_in_its_interval(
    raw: tuple[int, int], se: tuple[int, int], sp: tuple[int, int]
) -> None:
    (x, n), (a, m), (b, k) = ((min(part, whole), whole) for part, whole in (raw, se, sp))
    found = corrected_rate(x, n, detected=a, refusals=m, cleared=b, others=k)
    if isinstance(found, Corrected):
        assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


@pytest.mark.parametrize(
    ("rate", "se", "sp", "n", "card"),
    [
        (0.9, 0.95, 0.98, 100, 60),
        (0.5, 0.9, 0.95, 100, 60),
        (0.05, 0.9, 0.99, 200, 100),
        (0.3, 0.75, 0.9, 50, 40),
        (0.98, 0.98, 0.98, 100, 30),
    ],
)
def test_it_covers_the_true_rate(rate: float, se: float, sp: float, n: int, card: int) -> None:
    rng = np.random.default_rng(20260101)
    runs, covered = 3000, 0
    shown = rng.binomial(n, rate * se + (1 - rate) * (1 - sp), runs)
    found, cleared = rng.binomial(card, se, runs), rng.binomial(card, sp, runs)
    for x, a, b in zip(shown, found, cleared, strict=True):
        interval = corrected(int(x), n, (int(a), card, int(b), card)).interval
        covered += interval.low <= rate <= interval.high
    # 0.95 less what its authors saw at worst, and three standard errors of the simulation.
    assert covered / runs >= 0.93
