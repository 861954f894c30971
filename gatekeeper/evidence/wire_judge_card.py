"""A judge's card as JSON, version 1. Holds no reply."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from gatekeeper.records.judge_card import Agreement, CardPart, JudgeCard

CARD_SCHEMA_ID = "gatekeeper/judge-card/v1"
_NUMBERS = ("sensitivity", "specificity", "precision", "accuracy", "kappa")


@cache
def card_schema() -> dict[str, Any]:
    """The JSON Schema of a card."""
    path = Path(__file__).with_name("judge-card-v1.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def card_to_json(card: JudgeCard) -> dict[str, Any]:
    """The card as JSON."""
    return {
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
