"""The positive control of evidence.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.records.positive import Candidate, Direction, PositiveControl

_CANDIDATE = ("layer", "lost", "broken", "newly_refused")


def positive_to_json(control: PositiveControl | str | None) -> dict[str, Any]:
    """The key `positive_control`, or none where there was no such arm yet."""
    if control is None:
        return {}
    if isinstance(control, str):
        return {"positive_control": {"missing": control}}
    return {"positive_control": {"directions": [_to_json(d) for d in control.directions]}}


def _to_json(d: Direction) -> dict[str, Any]:
    return {
        "layer": d.layer,
        "candidates": [{name: getattr(c, name) for name in _CANDIDATE} for c in d.candidates],
        "regular": d.regular,
        "benign": d.benign,
        "refused": list(d.refused),
        "answered": list(d.answered),
        **({"fold": d.fold} if d.fold else {}),
    }


def positive_from_json(data: Mapping[str, Any] | None) -> PositiveControl | str | None:
    """The record of that key."""
    if data is None:
        return None
    if "missing" in data:
        return str(data["missing"])
    return PositiveControl(directions=tuple(_from_json(entry) for entry in data["directions"]))


def _from_json(data: Mapping[str, Any]) -> Direction:
    return Direction(
        layer=data["layer"],
        candidates=tuple(
            Candidate(**{name: entry[name] for name in _CANDIDATE}) for entry in data["candidates"]
        ),
        regular=data["regular"],
        benign=data["benign"],
        refused=tuple(data["refused"]),
        answered=tuple(data["answered"]),
        fold=data.get("fold", 0),
    )
