"""Rates corrected by a judge's card, as a report shows them."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.records.finding import Finding, Interval
from gatekeeper.records.judge_card import JudgeCard


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCard:
    """A judge's card as it was given, and the `sha256:` of its file."""

    card: JudgeCard
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedRow:
    """One rate or drop.

    Attributes:
        title, subject: in the words of a table.
        value, interval: corrected, in the unit of `raw`; None where there is none, and `reason`.
        labels: labelled replies of the card it is corrected by, masked and unmasked ones together.
    """

    raw: Finding
    title: str
    subject: str
    value: float | None
    interval: Interval | None
    reason: str
    labels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedFacts:
    """All rates that a judge's card corrects, and which card it is.

    Attributes:
        labels: labelled replies of the whole card; `masked` of them under a mask.
        decides: whether the verdict rests on these too, as its policy demands.
        notes: limits that a raw interval is inside of and a corrected one is not.
    """

    judge: str
    version: int
    digest: str
    labels: int
    masked: int
    rows: tuple[CorrectedRow, ...]
    notes: tuple[str, ...]
    decides: bool = False
