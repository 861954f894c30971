"""Reads judge's cards, and checks that every number in one follows from its counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from gatekeeper.analysis.judge_card import counted_part
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.evidence.wire_judge_card import (
    CARD_NUMBERS,
    card_from_json,
    part_to_json,
    refuse_card,
)
from gatekeeper.plain_files import open_plain
from gatekeeper.pointers import refuse_pointer
from gatekeeper.records.judge_card import CardPart, JudgeCard
from gatekeeper.strict_json import strict_loads
from gatekeeper.verify.same import same_data

#: A card has some tables of counts; what is larger is none.
_MOST_BYTES = 4 << 20


def read_card(path: Path) -> tuple[JudgeCard, bytes]:
    """Reads a card's file, strictly: every number follows from the counts; also gives its bytes.

    Raises:
        UsageError: it cannot be read, is no card, or contradicts itself.
    """
    try:
        with open_plain(path, excerpt(path), UsageError) as file:
            raw = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        refuse_card(path, f"cannot be read: {excerpt(getattr(error, 'strerror', None) or error)}")
    if len(raw) > _MOST_BYTES:
        refuse_card(path, f"larger than {_MOST_BYTES >> 20} MiB")
    refuse_pointer(raw, excerpt(path), UsageError)
    try:
        data = strict_loads(raw)
    except ValueError as error:
        refuse_card(path, f"not valid JSON ({excerpt(error)})")
    return checked_card(data, path), raw


def checked_card(data: Any, path: Path) -> JudgeCard:
    """A card as JSON, held against its schema and itself.

    Raises:
        UsageError: it is no card, or contradicts itself; blames `path`.
    """
    card = card_from_json(data, path)
    for part in card.parts:
        _recheck_part(part, card.confidence, path)
    _recheck_sums(card, path)
    return card


def _recheck_part(part: CardPart, confidence: float, path: Path) -> None:
    """Counts the numbers of a part again: value, replies and interval of each.

    Raises:
        UsageError: one is another.
    """
    name = excerpt(part.name)
    if sum(sum(row.values()) for row in part.counts.values()) != part.n:
        refuse_card(path, f"contradicts itself: the counts of {name} are not of n replies")
    again = part_to_json(counted_part(part.name, part.counts, confidence))
    stored = part_to_json(part)
    for title in CARD_NUMBERS:
        if not same_data(*({**side[title], "reason": ""} for side in (stored, again))):
            refuse_card(
                path, f"contradicts itself: the {title} of {name} is not that of its counts"
            )


def _recheck_sums(card: JudgeCard, path: Path) -> None:
    """Checks that the groups of a kind, such as masked and unmasked, are parts of all replies.

    They may be fewer together: of some labelled replies a group, language or topic is not known.

    Raises:
        UsageError: they are more, of a label and an outcome.
    """
    every, *parts = card.parts
    sums: Counter[tuple[str, str, str]] = Counter()
    for part in parts:
        kind = part.name.partition(": ")[0]
        for label, row in part.counts.items():
            for outcome, count in row.items():
                sums[kind, label, outcome] += count
    for (kind, label, outcome), count in sums.items():
        if count > every.counts[label].get(outcome, 0):
            refuse_card(
                path,
                f"contradicts itself: the parts by {excerpt(kind)} hold more replies than all",
            )
