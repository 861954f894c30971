"""A judge's card as JSON, version 1. Holds no reply."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.finding import Interval
from gatekeeper.records.judge_card import Agreement, CardPart, JudgeCard
from gatekeeper.strict_schema import strict_validator

CARD_SCHEMA_ID = "gatekeeper/judge-card/v1"
CARD_SCHEMA = Path(__file__).with_name("judge-card-v1.json")
CARD_NUMBERS = ("sensitivity", "specificity", "precision", "accuracy", "kappa")


def card_to_json(card: JudgeCard) -> dict[str, Any]:
    """The card as JSON."""
    origin = {} if card.checkpoint is None else {"checkpoint": card.checkpoint}
    if card.made is not None:
        origin["made"] = card.made.isoformat()
    return {
        **origin,
        "schema": CARD_SCHEMA_ID,
        "tool": {"name": "moe-gatekeeper", "version": card.tool_version},
        "judge": {"id": card.judge, "version": card.version, "settings": dict(card.settings)},
        "labels": card.labels_digest,
        "confidence": card.confidence,
        "parts": [part_to_json(part) for part in card.parts],
    }


def part_to_json(part: CardPart) -> dict[str, Any]:
    """One part of a card as JSON."""
    return {
        "name": part.name,
        "n": part.n,
        "counts": {label: dict(row) for label, row in part.counts.items()},
        **{name: _number(getattr(part, name)) for name in CARD_NUMBERS},
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


def card_from_json(data: Any, path: Path) -> JudgeCard:
    """A card as JSON, held against its schema; `verify.judge_card` holds it against itself.

    Raises:
        UsageError: it is no card; blames `path`.
    """
    from jsonschema.exceptions import best_match

    error = best_match(strict_validator(CARD_SCHEMA).iter_errors(data))
    if error is not None:
        refuse_card(path, f"no judge's card: {excerpt(error.json_path)} ({error.validator})")
    names = [part["name"] for part in data["parts"]]
    if names[0] != "all" or len(set(names)) < len(names):
        refuse_card(path, "no judge's card: its parts are not 'all' and then others, each once")
    return JudgeCard(
        judge=data["judge"]["id"],
        version=data["judge"]["version"],
        settings=dict(data["judge"]["settings"]),
        tool_version=data["tool"]["version"],
        labels_digest=data["labels"],
        confidence=data["confidence"],
        checkpoint=data.get("checkpoint"),
        made=_day(data["made"], path) if "made" in data else None,
        parts=tuple(_part_from_json(part, data["confidence"]) for part in data["parts"]),
    )


def _day(text: str, path: Path) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        refuse_card(path, "no judge's card: $.made is no day")


def _part_from_json(data: Mapping[str, Any], confidence: float) -> CardPart:
    numbers = {name: _agreement(data[name], confidence) for name in CARD_NUMBERS}
    counts = {label: dict(row) for label, row in data["counts"].items()}
    return CardPart(name=data["name"], n=data["n"], counts=counts, **numbers)


def _agreement(data: Mapping[str, Any], confidence: float) -> Agreement:
    if data["value"] is None:
        return Agreement(value=None, n=data["n"], interval=None, reason=data["reason"])
    interval = Interval(
        low=data["low"], high=data["high"], confidence=confidence, method=data["method"]
    )
    return Agreement(value=data["value"], n=data["n"], interval=interval)


def refuse_card(path: Path, message: str) -> NoReturn:
    """Raises the error of a file that is no card, or not one to be believed."""
    raise UsageError(
        message,
        where=excerpt(path),
        remedy="give a card that `gatekeeper judge calibrate --out` wrote",
    )
