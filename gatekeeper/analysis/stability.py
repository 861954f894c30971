"""How alike the selections of many resamples are: Nogueira's Φ."""

from __future__ import annotations

import math

import numpy as np

from gatekeeper.analysis.intervals import CONFIDENCE, normal_quantile
from gatekeeper.analysis.resampling import Resampled
from gatekeeper.records.finding import Interval
from gatekeeper.records.selection import Phi

METHOD = "Nogueira (2018), on log(1 − Φ)"
METHOD_ALIKE = "rule of three: all resamples alike"

#: Below so many resamples the interval does not cover: in simulations of 95 % intervals 0.1 % at 2
#: resamples, 59 % at 3, 87 % at 10 (docs/validation.md has 50 and more).
MINIMUM_RESAMPLES = 50

#: A variance that is rounding.
_NOTHING = 1e-24


def phi(drawn: Resampled, confidence: float = CONFIDENCE) -> Phi | None:
    """Φ = 1 − mean_f s²_f / (k̄/d (1 − k̄/d)): 1 if all resamples agree, 0 as if by chance.

    The standard error is √(4/M² Σ (Φ_i − Φ̄)²), with resamples that depend on each other
    (complementary pairs) taken together; the interval is that of log(1 − Φ) by the delta method,
    since Φ̂ leans to one side near 1. It tells how far more resamples of the same prompts would
    move Φ, not how far other prompts would. Where all resamples are alike it has no width; then
    ε = 1 − α^(1/M) bounds the share of resamples that differ, and Φ ≥ 1 − 2ε.

    Source: Nogueira, Sechidis & Brown (2018), JMLR 18(174), theorem 2 and equation (4), theorem 7.

    Returns:
        None where Φ is not defined: fewer than two resamples, or every expert selected.
    """
    m, d = len(drawn.chosen), drawn.candidates
    size = drawn.chosen.shape[1] if m else 0
    if m < 2 or not 0 < size < d:
        return None
    probability = drawn.probability
    share = size / d
    chance = share * (1 - share)
    spread = m / (m - 1) * probability * (1 - probability)
    value = 1 - float(spread.sum()) / d / chance
    # With subsets of one size k_i = k̄, the term of Φ̂/2 is Φ̂/2 · 2 k̄/d (k̄/d − 1) + Φ̂/2.
    overlap = probability[drawn.chosen].sum(axis=1) / d
    each = (overlap - share**2 + value / 2 * (2 * share**2 - 2 * share + 1)) / chance
    alike = bool(np.isin(probability, (0.0, 1.0)).all())
    interval = _alike(m, confidence) if alike else _interval(value, each, drawn.block, confidence)
    return Phi(value=value, interval=interval, resamples=m)


def too_few_resamples(stored: Phi) -> str | None:
    """Why nothing is claimed of a Φ of so few resamples, or None. The value itself stays stored."""
    if stored.resamples >= MINIMUM_RESAMPLES:
        return None
    return (
        f"Φ of {stored.resamples} resamples has no interval that holds: "
        f"it takes {MINIMUM_RESAMPLES} (--resamples)"
    )


def reportable(stored: Phi | None) -> Phi | None:
    """A stored Φ where its interval may be shown, else None."""
    return None if stored is None or too_few_resamples(stored) else stored


def at_confidence(stored: Phi, confidence: float) -> Interval:
    """The interval of a stored Φ at another level."""
    if stored.interval.method == METHOD_ALIKE:
        return _alike(stored.resamples, confidence)
    off = 1 - stored.value
    error = off * math.log((1 - stored.interval.low) / off)
    error /= normal_quantile(stored.interval.confidence)
    return _of_log(stored.value, error, confidence)


def _interval(value: float, each: np.ndarray, block: int, confidence: float) -> Interval:
    m = len(each)
    off = each - each.mean()
    full = m - m % block
    blocks = off[:full].reshape(-1, block).sum(axis=1)
    variance = 4 / m**2 * (float((blocks**2).sum()) + float((off[full:] ** 2).sum()))
    if variance < _NOTHING:
        # Pairs whose halves differ in opposite ways, each alike: as if drawn one by one.
        variance = 4 / m**2 * max(float((off**2).sum()), _NOTHING)
    return _of_log(value, variance**0.5, confidence)


def _of_log(value: float, error: float, confidence: float) -> Interval:
    """Symmetric for log(1 − Φ): below 1 by construction, and near 1 it covers (validation.md)."""
    off = 1 - value
    factor = math.exp(normal_quantile(confidence) * error / off)
    return Interval(
        low=1 - off * factor, high=1 - off / factor, confidence=confidence, method=METHOD
    )


def _alike(resamples: int, confidence: float) -> Interval:
    low = 1 - 2 * (1 - (1 - confidence) ** (1 / resamples))
    return Interval(low=low, high=1.0, confidence=confidence, method=METHOD_ALIKE)
