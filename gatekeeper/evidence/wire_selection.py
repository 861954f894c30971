"""Selections to and from the JSON of evidence.json, version 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.evidence.wire_findings import interval_from_json, interval_to_json
from gatekeeper.records.environment import Change, Environment
from gatekeeper.records.model import ExpertId
from gatekeeper.records.selection import Phi, RankedExpert, Selection, Sensitivity
from gatekeeper.records.trial import Mask

_PLAIN = (
    "selector",
    "version",
    "window",
    "resamples",
    "size",
    "threshold",
    "seed",
    "error_bound",
)
#: Numbers that are not counts.
_REAL = ("threshold", "error_bound", "unimodal_bound")
_VARIED = ("size", "resamples", "stable", "shared")


def selection_to_json(selection: Selection) -> dict[str, Any]:
    """A selection of `selections`."""
    return {
        **{name: getattr(selection, name) for name in _PLAIN},
        "unimodal_bound": selection.unimodal_bound,
        "phi": None if selection.phi is None else _phi_to_json(selection.phi),
        "sensitivity": [
            {name: getattr(varied, name) for name in _VARIED} for varied in selection.sensitivity
        ],
        "forwards": selection.forwards,
        "prompts": dict(selection.prompts),
        "notes": list(selection.notes),
        "ranked": [
            {
                "expert": list(r.expert),
                "score": r.score,
                "probability": r.probability,
                "groups": list(r.groups),
                "borderline": r.borderline,
            }
            for r in selection.ranked
        ],
        **fold_to_json(selection),
        **({"cut": True} if selection.cut else {}),
    }


def fold_to_json(record: Selection | Mask | Environment | Change) -> dict[str, int]:
    """The fold, if the audit was cross-fitted."""
    return {"fold": record.fold} if record.fold else {}


def selection_from_json(data: Mapping[str, Any]) -> Selection:
    """The record of one; what older bundles lack is left empty.

    Canonical JSON writes 1.0 as 1, so kinds are restored.
    """
    return Selection(
        **{name: data[name] for name in _PLAIN if name not in _REAL},
        **{name: _real(data.get(name)) for name in _REAL},
        ranked=tuple(
            RankedExpert(
                expert=ExpertId(*r["expert"]),
                score=float(r["score"]),
                probability=float(r["probability"]),
                groups=tuple(r["groups"]),
                borderline=r["borderline"],
            )
            for r in data["ranked"]
        ),
        prompts=dict(data["prompts"]),
        notes=tuple(data["notes"]),
        phi=_phi_from_json(data["phi"]) if data.get("phi") else None,
        sensitivity=tuple(
            Sensitivity(**{name: varied[name] for name in _VARIED})
            for varied in data.get("sensitivity", ())
        ),
        forwards=data.get("forwards", 0),
        fold=data.get("fold", 0),
        cut=data.get("cut", False),
    )


def _phi_to_json(phi: Phi) -> dict[str, Any]:
    return {
        "value": phi.value,
        "interval": interval_to_json(phi.interval),
        "resamples": phi.resamples,
    }


def _phi_from_json(data: Mapping[str, Any]) -> Phi:
    return Phi(
        value=float(data["value"]),
        interval=interval_from_json(data["interval"]),
        resamples=data["resamples"],
    )


def _real(value: float | None) -> Any:
    return None if value is None else float(value)
