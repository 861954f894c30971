"""Bounds on the expected number of false selections, E[V], of stability selection."""

from __future__ import annotations


def false_selections(size: int, threshold: float, experts: int) -> float | None:
    """E[V] ≤ q² / ((2π − 1) p). None where π ≤ 1/2.

    Premises: unselected experts exchangeable, and the rule no worse than guessing. Source:
    Meinshausen & Bühlmann (2010), JRSS B 72:417, theorem 1.

    Args:
        size: q, experts taken per resample.
        threshold: π, from which an expert counts as selected.
        experts: p.
    """
    return size**2 / ((2 * threshold - 1) * experts) if threshold > 0.5 else None


def false_selections_unimodal(
    size: int, threshold: float, experts: int, pairs: int
) -> float | None:
    """E[V] ≤ C(τ, B) q² / p over B complementary pairs. None where the theorem says nothing.

    V counts the selected among the experts that a half-sample selects with probability at most
    θ = q/p. Premise: over such experts the share of resamples that select one is unimodal; neither
    exchangeability nor a rule better than guessing is needed. Source: Shah & Samworth (2013),
    JRSS B 75:55, theorem 2 and equation (8), with θ ≤ 1/√3.
    """
    theta = size / experts
    if pairs < 1 or theta > 3**-0.5:
        return None
    if threshold > 0.75:
        factor = 4 * (1 - threshold + 1 / (2 * pairs)) / (1 + 1 / pairs)
    elif threshold > min(0.5 + theta**2, 0.5 + 1 / (2 * pairs) + 0.75 * theta**2):
        factor = 1 / (2 * (2 * threshold - 1 - 1 / (2 * pairs)))
    else:
        return None
    return factor * size * theta
