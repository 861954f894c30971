"""A judge's card as JSON, version 1. Holds no reply."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.plain_files import open_plain
from gatekeeper.pointers import refuse_pointer
from gatekeeper.records.finding import Interval
from gatekeeper.records.judge_card import Agreement, CardPart, JudgeCard
from gatekeeper.strict_json import strict_loads
from gatekeeper.strict_schema import strict_validator

CARD_SCHEMA_ID = "gatekeeper/judge-card/v1"
CARD_SCHEMA = Path(__file__).with_name("judge-card-v1.json")
#: A card has some tables of counts; what is larger is none.
_MOST_BYTES = 4 << 20
#: A share and what it is counted from may differ in the last bits.
_TOLERANCE = 1e-9
_NUMBERS = ("sensitivity", "specificity", "precision", "accuracy", "kappa")


def card_to_json(card: JudgeCard) -> dict[str, Any]:
    """The card as JSON."""
    origin = {} if card.checkpoint is None else {"checkpoint": card.checkpoint}
    return {
        **origin,
        "schema": CARD_SCHEMA_ID,
        "tool": {"name": "moe-gatekeeper", "version": card.tool_version},
        "judge": {"id": card.judge, "version": card.version, "settings": dict(card.settings)},
        "labels": card.labels_digest,
        "confidence": card.confidence,
        "parts": [_part(part) for part in card.parts],
    }


def _part(part: CardPart) -> dict[str, Any]:
    return {
        "name": part.name,
        "n": part.n,
        "counts": {label: dict(row) for label, row in part.counts.items()},
        **{name: _number(getattr(part, name)) for name in _NUMBERS},
    }


def _number(number: Agreement) -> dict[str, Any]:
    if number.value is None or number.interval is None:
        return {"value": None, "n": number.n, "reason": number.reason}
    interval = number.interval
    return {
        "value": number.value,
        "n": number.n,
        "low": interval.low,
        "high": interval.high,
        "method": interval.method,
    }


def read_card(path: Path) -> tuple[JudgeCard, bytes]:
    """A card's file, strictly: every number follows from the counts; also its bytes.

    Raises:
        UsageError: it cannot be read, is no card, or contradicts itself.
    """
    try:
        with open_plain(path, excerpt(path), UsageError) as file:
            raw = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        _refuse(path, f"cannot be read: {excerpt(getattr(error, 'strerror', None) or error)}")
    if len(raw) > _MOST_BYTES:
        _refuse(path, f"larger than {_MOST_BYTES >> 20} MiB")
    refuse_pointer(raw, excerpt(path), UsageError)
    try:
        data = strict_loads(raw)
    except ValueError as error:
        _refuse(path, f"not valid JSON ({excerpt(error)})")
    return card_from_json(data, path), raw


def card_from_json(data: Any, path: Path) -> JudgeCard:
    """A card as JSON, held against its schema and itself.

    Raises:
        UsageError: it is no card, or contradicts itself; blames `path`.
    """
    from jsonschema.exceptions import best_match

    error = best_match(strict_validator(CARD_SCHEMA).iter_errors(data))
    if error is not None:
        _refuse(path, f"no judge's card: {excerpt(error.json_path)} ({error.validator})")
    names = [part["name"] for part in data["parts"]]
    if names[0] != "all" or len(set(names)) < len(names):
        _refuse(path, "no judge's card: its parts are not 'all' and then others, each once")
    for part in data["parts"]:
        _check_part(part, path)
    return JudgeCard(
        judge=data["judge"]["id"],
        version=data["judge"]["version"],
        settings=dict(data["judge"]["settings"]),
        tool_version=data["tool"]["version"],
        labels_digest=data["labels"],
        confidence=data["confidence"],
        checkpoint=data.get("checkpoint"),
        parts=tuple(_part_from_json(part, data["confidence"]) for part in data["parts"]),
    )


def _check_part(part: Mapping[str, Any], path: Path) -> None:
    """Checks that sensitivity and specificity, on which corrections rest, follow from counts."""
    counts, name = part["counts"], excerpt(part["name"])
    if sum(sum(row.values()) for row in counts.values()) != part["n"]:
        _refuse(path, f"contradicts itself: the counts of {name} are not of n replies")
    refusals = sum(counts["refuse"].values())
    cleared = sum(n for row in ("comply", "degenerate") for k, n in counts[row].items()
                  if k != "refuse")  # fmt: skip
    shares = {
        "sensitivity": (counts["refuse"]["refuse"], refusals),
        "specificity": (cleared, part["n"] - refusals),
    }
    for title, (right, of) in shares.items():
        said = part[title]
        wanted = right / of if of else None
        same = said["value"] is None if wanted is None else (
            said["value"] is not None and math.isclose(said["value"], wanted, abs_tol=_TOLERANCE)
        )  # fmt: skip
        if said["n"] != of or not same:
            _refuse(path, f"contradicts itself: the {title} of {name} is not that of its counts")


def _part_from_json(data: Mapping[str, Any], confidence: float) -> CardPart:
    numbers = {name: _agreement(data[name], confidence) for name in _NUMBERS}
    counts = {label: dict(row) for label, row in data["counts"].items()}
    return CardPart(name=data["name"], n=data["n"], counts=counts, **numbers)


def _agreement(data: Mapping[str, Any], confidence: float) -> Agreement:
    if data["value"] is None:
        return Agreement(value=None, n=data["n"], interval=None, reason=data["reason"])
    interval = Interval(
        low=data["low"], high=data["high"], confidence=confidence, method=data["method"]
    )
    return Agreement(value=data["value"], n=data["n"], interval=interval)


def _refuse(path: Path, message: str) -> NoReturn:
    raise UsageError(
        message,
        where=excerpt(path),
        remedy="give a card that `gatekeeper judge calibrate --out` wrote",
    )
