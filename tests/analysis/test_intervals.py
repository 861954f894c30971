from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from gatekeeper.analysis import intervals

Z95 = stats.norm.ppf(0.975)


@given(st.integers(1, 400), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_scipys(n, data, confidence):
    hits = data.draw(st.integers(0, n))
    ours = intervals.wilson(hits, n, confidence)
    theirs = stats.binomtest(hits, n).proportion_ci(confidence, method="wilson")
    assert ours.low == pytest.approx(theirs.low, abs=1e-12)
    assert ours.high == pytest.approx(theirs.high, abs=1e-12)


def test_wilson_published_example():
    """81 of 263: 0.2553 to 0.3662 (Newcombe 1998, Statistics in Medicine 17:857, table I)."""
    found = intervals.wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize(("n", "limit"), [(73, 0.05), (189, 0.02), (381, 0.01)])
def test_prompts_needed_to_bound_an_event_never_seen(n, limit):
    assert intervals.wilson(0, n).high <= limit < intervals.wilson(0, n - 1).high


def reference_z(lost, won, n, delta):
    """The score statistic with the nuisance share found by plain maximisation."""

    def negative(q):  # q = P(won); P(lost) = q + delta
        p = q + delta
        rest = 1 - p - q
        terms = ((lost, p), (won, q), (n - lost - won, rest))
        return -sum(c * math.log(max(s, 1e-300)) for c, s in terms if c)

    low, high = max(0.0, -delta), (1 - delta) / 2
    q = optimize.minimize_scalar(
        negative, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    return (lost - won - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))


@pytest.mark.parametrize(
    ("lost", "won", "n"), [(12, 3, 50), (1, 0, 40), (30, 2, 100), (5, 5, 60), (80, 1, 100)]
)
def test_tango_ends_are_where_the_score_test_rejects(lost, won, n):
    found = intervals.tango(lost, won, n)
    assert reference_z(lost, won, n, found.low) == pytest.approx(Z95, abs=1e-3)
    assert reference_z(lost, won, n, found.high) == pytest.approx(-Z95, abs=1e-3)


@pytest.mark.parametrize(
    ("lost", "won", "n", "confidence", "low", "high"),
    [
        # Tango (1998), section 6.1, table V: soft contact lenses, 43 + 0 + 1 + 0 pairs. The paper
        # prints the lower end; the upper one is from the tests of the R package ratesci (CRAN),
        # which hold its function `pairbinci` against published examples.
        (0, 1, 44, 0.90, -0.096, 0.037),
        # ratesci again, there as another of Tango's: 4 + 9 + 3 + 16 pairs.
        (9, 3, 32, 0.95, -0.027, 0.390),
        # Agresti & Min (2005), Statistics in Medicine 24:729: 53 + 16 + 8 + 9 pairs; from ratesci.
        (16, 8, 86, 0.95, -0.020, 0.207),
        # Fagerland, Lydersen & Laake (2014), Statistics in Medicine 33:2850: airway
        # hyper-responsiveness, 1 + 1 + 7 + 12 pairs; from ratesci.
        (1, 7, 21, 0.95, -0.517, -0.026),
    ],
)
def test_tango_published_examples(lost, won, n, confidence, low, high):
    found = intervals.tango(lost, won, n, confidence)
    assert (round(found.low, 3), round(found.high, 3)) == (low, high)


def test_tango_is_what_another_package_computes():
    """Cavo et al. (2012), 59 + 6 + 16 + 80 pairs, in the tests of the R package contingencytables.

    To four decimals: -0.1240 to -0.0054. The package goes with Fagerland, Lydersen & Laake (2017),
    Statistical Analysis of Contingency Tables, chapter 8.
    """
    found = intervals.tango(6, 16, 161)
    assert (round(found.low, 4), round(found.high, 4)) == (-0.1240, -0.0054)


def test_tango_without_discordant_pairs_is_z2_over_n_plus_z2():
    found = intervals.tango(0, 0, 50)
    assert found.high == pytest.approx(Z95**2 / (50 + Z95**2), abs=1e-6)
    assert found.low == pytest.approx(-found.high, abs=1e-6)


def test_tango_all_lost():
    found = intervals.tango(100, 0, 100)
    assert found.high == pytest.approx(1.0)
    assert 0.9 < found.low < 1.0


@given(st.floats(0, 50), st.floats(0, 50), st.floats(0.5, 300))
def test_tango_holds_its_estimate_and_stays_in_range(lost, won, extra):
    n = lost + won + extra
    found = intervals.tango(lost, won, n)
    estimate = (lost - won) / n
    assert -1 <= found.low <= estimate + 1e-9
    assert estimate - 1e-9 <= found.high <= 1
    mirrored = intervals.tango(won, lost, n)
    assert mirrored.low == pytest.approx(-found.high, abs=1e-6)


@pytest.mark.parametrize(("p_lost", "p_won"), [(0.02, 0.0), (0.1, 0.02), (0.5, 0.05), (0.95, 0.0)])
@pytest.mark.parametrize("n", [40, 100])
def test_tango_covers_at_its_level(p_lost, p_won, n):
    """Exact coverage by summing the trinomial, not by simulation."""
    covered = 0.0
    truth = p_lost - p_won
    for lost in range(n + 1):
        for won in range(n + 1 - lost):
            weight = stats.multinomial.pmf([lost, won, n - lost - won], n, [p_lost, p_won, 1 - p_lost - p_won])  # fmt: skip  # noqa: E501
            if weight < 1e-7:
                continue
            found = intervals.tango(lost, won, n)
            covered += weight * (found.low - 1e-9 <= truth <= found.high + 1e-9)
    assert 0.92 <= covered <= 1.0


def test_refusals_of_nonsense():
    for call in (
        lambda: intervals.wilson(1, 0),
        lambda: intervals.wilson(5, 4),
        lambda: intervals.tango(3, 3, 5),
        lambda: intervals.tango(-1, 0, 5),
    ):
        with pytest.raises(ValueError, match="no "):
            call()


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99, 1 - 0.05 / 12])
def test_quantiles_are_scipys(confidence):
    upper = 0.5 + confidence / 2
    assert intervals.normal_quantile(confidence) == pytest.approx(stats.norm.ppf(upper), rel=1e-13)
    for freedom in (*range(1, 60), 199, 200, 3000):
        wanted = stats.t.ppf(upper, freedom)
        assert intervals.t_quantile(confidence, freedom) == pytest.approx(wanted, rel=1e-11), (
            freedom
        )


def test_mcnemar_is_the_exact_binomial():
    for lost, won in ((11, 1), (1, 0), (0, 7), (5, 5), (40, 22), (3000, 2900)):
        wanted = stats.binomtest(lost, lost + won).pvalue
        assert intervals.mcnemar_p(lost, won) == pytest.approx(wanted, rel=1e-11)
    assert intervals.mcnemar_p(0, 0) == 1.0


def test_permutation_p_is_never_zero():
    assert intervals.permutation_p(0.9, np.zeros(20)) == pytest.approx(1 / 21)
    assert intervals.permutation_p(0.0, np.zeros(20)) == 1.0
