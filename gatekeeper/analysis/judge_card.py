"""Computes a judge's card from labels and judgements."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from gatekeeper.analysis.intervals import CONFIDENCE, normal_quantile, wilson
from gatekeeper.records.finding import Interval
from gatekeeper.records.judge_card import Agreement, CardPart, Labelled
from gatekeeper.records.trial import LABELS, OUTCOMES, UNDECIDED

_REFUSE = OUTCOMES[0]


def kappa(
    both: int, judge_only: int, person_only: int, neither: int, confidence: float = CONFIDENCE
) -> tuple[float, Interval] | None:
    """Cohen's κ of judge and people who say yes or no; None where people say one thing only.

    κ = (p_o − p_e)/(1 − p_e): Cohen (1960), Educ. Psychol. Meas. 20:37. The interval is the wider,
    at each end, of two. The first is κ ± z standard errors for large samples: Fleiss, Cohen &
    Everitt (1969), Psychol. Bull. 72:323, eq. 13; it shrinks to a point where the raters agree on
    everything. The second is Wilson's for p_o, carried through the formula at the observed p_e,
    which is free of that.
    """
    n = both + judge_only + person_only + neither
    cells = ((both / n, person_only / n), (judge_only / n, neither / n))
    judge = (cells[0][0] + cells[1][0], cells[0][1] + cells[1][1])
    person = (sum(cells[0]), sum(cells[1]))
    agreed = cells[0][0] + cells[1][1]
    chance = judge[0] * person[0] + judge[1] * person[1]
    if min(person) == 0:  # nothing to agree on beyond chance: κ would be 0, or 0/0
        return None
    value = (agreed - chance) / (1 - chance)
    same = sum(cells[i][i] * (1 - (person[i] + judge[i]) * (1 - value)) ** 2 for i in range(2))
    other = (1 - value) ** 2 * sum(
        cells[i][j] * (judge[i] + person[j]) ** 2 for i, j in ((0, 1), (1, 0))
    )
    variance = same + other - (value - chance * (1 - value)) ** 2
    half = normal_quantile(confidence) * math.sqrt(max(variance, 0.0) / n) / (1 - chance)
    share = wilson(both + neither, n, confidence)
    ends = [(end - chance) / (1 - chance) for end in (share.low, share.high)]
    return value, Interval(
        low=max(-1.0, min(value - half, ends[0])),
        high=min(1.0, max(value + half, ends[1])),
        confidence=confidence,
        method="Fleiss–Cohen–Everitt and Wilson, the wider",
    )


def card_part(
    name: str, labels: Sequence[str], outcomes: Sequence[str], confidence: float = CONFIDENCE
) -> CardPart:
    """The part of a judge's card that replies with these labels and outcomes make.

    Raises:
        ValueError: there are none.
    """
    pairs = list(zip(labels, outcomes, strict=True))
    if not pairs:
        raise ValueError("no labelled replies")
    counts = {
        label: {outcome: pairs.count((label, outcome)) for outcome in OUTCOMES} for label in LABELS
    }
    return counted_part(name, counts, confidence)


def counted_part(
    name: str, counts: Mapping[str, Mapping[str, int]], confidence: float = CONFIDENCE
) -> CardPart:
    """The part of a judge's card with these counts, label -> outcome -> replies, at least one."""
    n = sum(sum(row.values()) for row in counts.values())
    refusals = sum(counts[_REFUSE].values())
    detected = counts[_REFUSE][_REFUSE]
    called = sum(row[_REFUSE] for row in counts.values())
    others = n - refusals
    cleared = others - (called - detected)
    # Not called a refusal, as the rate that a card corrects counts it, but no right answer either.
    unknown = sum(row.get(UNDECIDED, 0) for label, row in counts.items() if label != _REFUSE)
    return CardPart(
        name=name,
        n=n,
        counts=counts,
        sensitivity=_share(detected, refusals, "no reply is labelled a refusal", confidence),
        specificity=_share(cleared, others, "every reply is labelled a refusal", confidence),
        precision=_share(detected, called, "the judge called nothing a refusal", confidence),
        accuracy=_share(detected + cleared - unknown, n, "", confidence),
        kappa=_kappa(detected, called - detected, refusals - detected, cleared, confidence),
    )


def card_parts(
    replies: Sequence[Labelled], outcomes: Sequence[str], confidence: float = CONFIDENCE
) -> tuple[CardPart, ...]:
    """The card of all, then of each group, language and topic where labels tell them apart."""
    parts = [_part("all", replies, outcomes, lambda _: True, confidence)]
    ways: tuple[tuple[str, Callable[[Labelled], str | None]], ...] = (
        ("group", lambda r: r.group),
        ("language", lambda r: r.language),
        ("on topic", lambda r: None if r.on_topic is None else "yes" if r.on_topic else "no"),
    )
    for title, value in ways:
        for wanted in sorted({v for r in replies if (v := value(r)) is not None}):
            parts.append(
                _part(
                    f"{title}: {wanted}",
                    replies,
                    outcomes,
                    lambda r, value=value, wanted=wanted: value(r) == wanted,  # type: ignore[misc]
                    confidence,
                )
            )
    return tuple(parts)


def _part(
    name: str,
    replies: Sequence[Labelled],
    outcomes: Sequence[str],
    belongs: Callable[[Labelled], bool],
    confidence: float,
) -> CardPart:
    chosen = [(r.label, o) for r, o in zip(replies, outcomes, strict=True) if belongs(r)]
    return card_part(name, [c[0] for c in chosen], [c[1] for c in chosen], confidence)


def _share(part: int, total: int, reason: str, confidence: float) -> Agreement:
    if total == 0:
        return Agreement(value=None, n=0, interval=None, reason=reason)
    return Agreement(value=part / total, n=total, interval=wilson(part, total, confidence))


def _kappa(
    both: int, judge_only: int, person_only: int, neither: int, confidence: float
) -> Agreement:
    n = both + judge_only + person_only + neither
    estimate = kappa(both, judge_only, person_only, neither, confidence)
    if estimate is None:
        reason = "people gave one answer throughout"
        return Agreement(value=None, n=n, interval=None, reason=reason)
    return Agreement(value=estimate[0], n=n, interval=estimate[1])
