"""A rate corrected for the errors of the judge that measured it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gatekeeper.analysis.intervals import CONFIDENCE, normal_quantile
from gatekeeper.records.finding import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A rate as it would be without the judge's errors, in shares.

    Attributes:
        raw: as judged.
        value: corrected, within 0..1; `interval` counts the uncertainty of the card too.
    """

    raw: float
    value: float
    interval: Interval


def corrected_rate(
    positive: float,
    n: float,
    *,
    detected: float,
    refusals: float,
    cleared: float,
    others: float,
    confidence: float = CONFIDENCE,
) -> Corrected | str:
    """Share of refusals among n replies of which a judge called `positive` refusals.

    (raw + Sp − 1)/(Se + Sp − 1), Rogan & Gladen (1978), Am. J. Epidemiol. 107:71. Interval: Lang &
    Reiczigel (2014), Prev. Vet. Med. 113:13, eqs. 6, 7, 16 and 17: Se and Sp each with one success
    and one failure added, the raw rate with z²/2 of each, the centre shifted by 2z² times the bias
    of that. Made for Se and Sp of at least one half.

    Args:
        positive, n: judged refusals among all judged; may be fractional.
        detected, refusals: of labelled refusals, how many the judge called so (sensitivity).
        cleared, others: of the other labelled replies, how many it did not (specificity).

    Returns:
        The corrected rate, or why there is none: no labels, or a judge no better than chance.

    Raises:
        ValueError: counts that fit no sample.
    """
    for part, total in ((positive, n), (detected, refusals), (cleared, others)):
        if not -1e-9 <= part <= total + 1e-9:
            raise ValueError(f"no share of {part} in {total}")
    if n <= 0:
        return "no reply was judged"
    if refusals <= 0 or others <= 0:
        return "the judge's card lacks labelled refusals, or labelled replies of another kind"
    informed = detected / refusals + cleared / others - 1
    if informed <= 0:
        return "on its card the judge is no better than chance"
    raw = positive / n
    value = (raw + cleared / others - 1) / informed
    low, high = _limits(raw, n, (detected, refusals), (cleared, others), confidence)
    # The shift of the centre may leave the estimate outside by a hair, as may rounding.
    value = min(max(value, 0.0), 1.0)
    low, high = min(low, value), max(high, value)
    return Corrected(
        raw=raw,
        value=value,
        interval=Interval(low=low, high=high, confidence=confidence, method="Lang–Reiczigel"),
    )


def _limits(
    raw: float,
    n: float,
    sensitivity: tuple[float, float],
    specificity: tuple[float, float],
    confidence: float,
) -> tuple[float, float]:
    z = normal_quantile(confidence)
    n_se, n_sp = sensitivity[1] + 2, specificity[1] + 2
    se, sp = (sensitivity[0] + 1) / n_se, (specificity[0] + 1) / n_sp
    informed = se + sp - 1
    if informed <= 0:  # better than chance as counted, not with one success and failure added
        return 0.0, 1.0
    n_raw = n + z * z
    rate = (n * raw + z * z / 2) / n_raw
    centre = (rate + sp - 1) / informed
    of_se, of_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    shift = 2 * z * z * (centre * of_se - (1 - centre) * of_sp)
    variance = rate * (1 - rate) / n_raw + centre**2 * of_se + (1 - centre) ** 2 * of_sp
    half = z * math.sqrt(variance) / informed
    return (
        min(max(centre + shift - half, 0.0), 1.0),
        max(min(centre + shift + half, 1.0), 0.0),
    )
