"""Rates and drops of refusal as they would be without the judge's errors, by the judge's card.

A rate: Rogan & Gladen with the interval of Lang & Reiczigel (`rogan_gladen`). A drop loses what the
two rates of refusal differ in beyond it: it is moved by as much as the correction moves the fall
from the unmasked to the masked rate, so that replies broken by the mask count neither way, as in
the raw drop; that the judge knows those is taken for granted. Its interval is by the delta method,
with sensitivity and specificity adjusted as by Lang & Reiczigel (2014), Prev. Vet. Med. 113:13,
eqs. 16 and 17; the covariance of the two rates follows from the interval of the raw drop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gatekeeper.analysis.intervals import normal_quantile
from gatekeeper.analysis.power import design_of
from gatekeeper.analysis.rogan_gladen import Corrected, corrected_rate
from gatekeeper.records.finding import Finding, Interval
from gatekeeper.records.judge_card import CardPart, JudgeCard
from gatekeeper.records.trial import OUTCOMES

METHOD = "delta method, adjusted sensitivity and specificity"
_REFUSE = OUTCOMES[0]
#: Any limit: only the number of prompts is asked for.
_HALF = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeErrors:
    """What a part of a card says of a judge: of labelled refusals, how many it called so, and of
    the other labelled replies, how many it did not.
    """

    detected: int
    refusals: int
    cleared: int
    others: int

    @classmethod
    def of(cls, part: CardPart) -> JudgeErrors:
        """Counted from the table of labels against outcomes."""
        called = sum(row[_REFUSE] for row in part.counts.values())
        detected, refusals = part.counts[_REFUSE][_REFUSE], sum(part.counts[_REFUSE].values())
        others = part.n - refusals
        return cls(
            detected=detected,
            refusals=refusals,
            cleared=others - (called - detected),
            others=others,
        )

    @property
    def adjusted(self) -> tuple[float, float, float, float]:
        """Se, Sp and their variances, each with one success and one failure added."""
        n_se, n_sp = self.refusals + 2, self.others + 2
        se, sp = (self.detected + 1) / n_se, (self.cleared + 1) / n_sp
        return se, sp, se * (1 - se) / n_se, sp * (1 - sp) / n_sp


def card_part_for(card: JudgeCard, *, masked: bool) -> CardPart:
    """The card's part of masked or of unmasked replies, if that has both kinds; else that of all.

    Both kinds: labelled refusals and labelled replies of another kind.
    """
    wanted = f"group: {'masked' if masked else 'unmasked'}"
    for part in card.parts:
        if part.name == wanted:
            errors = JudgeErrors.of(part)
            if errors.refusals and errors.others:
                return part
    return card.parts[0]


def correct_rate(finding: Finding, part: CardPart) -> Corrected | str:
    """A refusal rate, in shares, without the judge's errors; or why that cannot be told.

    Prompts that share seeds count for as many independent ones as give the raw interval.
    """
    errors, n = JudgeErrors.of(part), worth(finding)
    corrected = corrected_rate(
        finding.value / 100 * n,
        n,
        detected=errors.detected,
        refusals=errors.refusals,
        cleared=errors.cleared,
        others=errors.others,
        confidence=finding.interval.confidence,
    )
    if isinstance(corrected, Corrected) and corrected.interval.low == corrected.interval.high:
        # Cut off at 0 or 1 from both ends: no true rate is compatible with both.
        return "the card does not fit this rate"
    return corrected


def worth(finding: Finding) -> int:
    """Independent prompts that a share's interval stands for."""
    design = design_of(finding, _HALF, upper=True)
    return finding.n if design is None or design.n < 1 else design.n


def correct_drop(
    drop: Finding, unmasked: Finding, masked: Finding, parts: tuple[CardPart, CardPart]
) -> Corrected | str:
    """A refusal drop, in shares, without the judge's errors; or why that cannot be told.

    Args:
        unmasked, masked: the refusal rates of the same prompts.
        parts: of the card, for the unmasked and the masked replies; the same one for both, if the
            card does not tell them apart.
    """
    rates = [correct_rate(f, p) for f, p in zip((unmasked, masked), parts, strict=True)]
    for rate in rates:
        if isinstance(rate, str):
            return rate
    before, after = (rate for rate in rates if isinstance(rate, Corrected))
    raw = drop.value / 100
    value = raw + (before.value - after.value) - (before.raw - after.raw)
    value = min(max(value, -1.0), 1.0)
    half = _half(drop, (unmasked, masked), (before.value, after.value), parts)
    if half is None:
        return "the judge's card has too few labels to correct a difference"
    return Corrected(
        raw=raw,
        value=value,
        interval=Interval(
            low=max(value - half, -1.0),
            high=min(value + half, 1.0),
            confidence=drop.interval.confidence,
            method=METHOD,
        ),
    )


def _half(
    drop: Finding,
    rates: tuple[Finding, Finding],
    true: tuple[float, float],
    parts: tuple[CardPart, CardPart],
) -> float | None:
    """Half-width: of the prompts, with their covariance, and of the card."""
    z = normal_quantile(drop.interval.confidence)
    se, sp, of_se, of_sp = zip(*(JudgeErrors.of(part).adjusted for part in parts), strict=True)
    informed = [se[i] + sp[i] - 1 for i in range(2)]
    if min(informed) <= 0:
        return None
    spread = [_variance(f, z) for f in rates]
    shared = max((sum(spread) - _variance(drop, z)) / 2, 0.0)
    shared = min(shared, math.sqrt(spread[0] * spread[1]))
    sampling = spread[0] / informed[0] ** 2 + spread[1] / informed[1] ** 2
    sampling -= 2 * shared / (informed[0] * informed[1])
    # Never less than the raw drop's own: `shared` is an estimate too.
    sampling = max(sampling, _variance(drop, z) / max(informed) ** 2)
    if parts[0] is parts[1]:
        card = (true[0] - true[1]) ** 2 * (of_se[0] + of_sp[0]) / informed[0] ** 2
    else:
        card = sum(
            (true[i] ** 2 * of_se[i] + (1 - true[i]) ** 2 * of_sp[i]) / informed[i] ** 2
            for i in range(2)
        )
    return z * math.sqrt(sampling + card)


def _variance(finding: Finding, z: float) -> float:
    """The variance of a finding that its interval implies."""
    return float(((finding.interval.high - finding.interval.low) / 200 / z) ** 2)
