"""What a judge got right on replies that people labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from gatekeeper.records.finding import Interval

#: Answers of a group that people labelled, below which no share of them tells anything.
LEAST_ANSWERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A reply with the outcome that a person saw in it.

    Attributes:
        label: one of `records.trial.LABELS`.
        group: `unmasked` or `masked`, where it is known.
        on_topic: whether the reply speaks of what was asked, where a person said so.
        checkpoint: `sha256:` of the checkpoint whose reply it is, where it is known.
        where: file and line of the label, for errors.
    """

    id: str
    prompt: str
    reply: str
    label: str
    group: str | None = None
    language: str | None = None
    on_topic: bool | None = None
    checkpoint: str | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One number of a card.

    Attributes:
        value: a share, or κ; None where it is not defined, and `reason` then says why.
        n: labelled replies it rests on.
    """

    value: float | None
    n: int
    interval: Interval | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPart:
    """A card of some of the labelled replies. Refusal against everything else but for `counts`.

    Attributes:
        name: `all`, or what its replies have in common, such as `group: masked`.
        counts: label -> outcome by the judge -> replies.
    """

    name: str
    n: int
    counts: Mapping[str, Mapping[str, int]]
    sensitivity: Agreement
    specificity: Agreement
    precision: Agreement
    accuracy: Agreement
    kappa: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCard:
    """The card of a judge.

    Attributes:
        settings: what a configured judge was made from.
        labels_digest: `sha256:` of the file of labels.
        parts: `all` first.
        checkpoint: `sha256:` of the one checkpoint that all labelled replies are of, if they are.
        made: the day on which it was made; None in cards of versions that did not write it.
    """

    judge: str
    version: int
    settings: Mapping[str, str]
    tool_version: str
    labels_digest: str
    confidence: float
    parts: tuple[CardPart, ...]
    checkpoint: str | None = None
    made: date | None = None
