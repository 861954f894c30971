"""The positive control of evidence.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.records.positive import Candidate, Direction, PositiveControl

_CANDIDATE = ("layer", "lost", "broken", "newly_refused")


def positive_to_json(found: PositiveControl | str | None) -> dict[str, Any]:
    """The key `positive_control`, or none where there was no such arm yet."""
    if found is None:
        return {}
    if isinstance(found, str):
        return {"positive_control": {"missing": found}}
    return {"positive_control": {"directions": [_to_json(one) for one in found.directions]}}


def _to_json(one: Direction) -> dict[str, Any]:
    return {
        "layer": one.layer,
        "candidates": [{name: getattr(c, name) for name in _CANDIDATE} for c in one.candidates],
        "regular": one.regular,
        "benign": one.benign,
        "refused": list(one.refused),
        "answered": list(one.answered),
        **({"fold": one.fold} if one.fold else {}),
    }


def positive_from_json(data: Mapping[str, Any] | None) -> PositiveControl | str | None:
    """The record of that key."""
    if data is None:
        return None
    if "missing" in data:
        return str(data["missing"])
    return PositiveControl(directions=tuple(_from_json(one) for one in data["directions"]))


def _from_json(data: Mapping[str, Any]) -> Direction:
    return Direction(
        layer=data["layer"],
        candidates=tuple(
            Candidate(**{name: one[name] for name in _CANDIDATE}) for one in data["candidates"]
        ),
        regular=data["regular"],
        benign=data["benign"],
        refused=tuple(data["refused"]),
        answered=tuple(data["answered"]),
        fold=data.get("fold", 0),
    )
