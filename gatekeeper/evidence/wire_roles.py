"""Roles to and from the JSON of evidence.json, version 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.evidence.wire_findings import interval_from_json, interval_to_json
from gatekeeper.records.model import ExpertId
from gatekeeper.records.role import ExpertRole, GroupRole, ProbeFact, Roles


def roles_to_json(roles: Roles | str) -> dict[str, Any]:
    """The roles, or why there are none."""
    if isinstance(roles, str):
        return {"missing": roles}
    return {
        "experts": [_expert_to_json(expert) for expert in roles.experts],
        "groups": [
            {"name": g.name, "experts": [list(e) for e in g.experts], **_losses_to_json(g)}
            for g in roles.groups
        ],
        "controls": [_probe_to_json(probe) for probe in roles.controls],
        "n": roles.n,
        "clusters": roles.clusters,
        "notes": list(roles.notes),
    }


def roles_from_json(data: Mapping[str, Any]) -> Roles | str:
    """The record of one."""
    if "missing" in data:
        return str(data["missing"])
    return Roles(
        experts=tuple(_expert_from_json(entry) for entry in data["experts"]),
        groups=tuple(
            GroupRole(
                name=g["name"],
                experts=tuple(ExpertId(*e) for e in g["experts"]),
                **_losses_from_json(g),
            )
            for g in data["groups"]
        ),
        controls=tuple(_probe_from_json(probe) for probe in data["controls"]),
        n=data["n"],
        clusters=data["clusters"],
        notes=tuple(data["notes"]),
    )


def _expert_to_json(expert: ExpertRole) -> dict[str, Any]:
    return {
        "expert": list(expert.expert),
        "role": expert.role,
        "confidence": expert.confidence,
        "by_sets": list(expert.by_sets),
        **_losses_to_json(expert),
        "probe": None if expert.probe is None else _probe_to_json(expert.probe),
    }


def _expert_from_json(data: Mapping[str, Any]) -> ExpertRole:
    return ExpertRole(
        expert=ExpertId(*data["expert"]),
        role=data["role"],
        confidence=float(data["confidence"]),
        by_sets=tuple(data["by_sets"]),
        **_losses_from_json(data),
        probe=None if data["probe"] is None else _probe_from_json(data["probe"]),
    )


def _losses_to_json(role: ExpertRole | GroupRole) -> dict[str, Any]:
    return {
        "detection_loss": role.detection_loss,
        "detection_interval": interval_to_json(role.detection_interval),
        "refusal_loss": role.refusal_loss,
        "refusal_interval": interval_to_json(role.refusal_interval),
    }


def _losses_from_json(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "detection_loss": float(data["detection_loss"]),
        "detection_interval": interval_from_json(data["detection_interval"]),
        "refusal_loss": float(data["refusal_loss"]),
        "refusal_interval": interval_from_json(data["refusal_interval"]),
    }


def _probe_to_json(probe: ProbeFact) -> dict[str, Any]:
    return {
        "name": probe.name,
        "auroc": probe.auroc,
        "interval": interval_to_json(probe.interval),
        "n": probe.n,
        "clusters": probe.clusters,
    }


def _probe_from_json(data: Mapping[str, Any]) -> ProbeFact:
    return ProbeFact(
        name=data["name"],
        auroc=float(data["auroc"]),
        interval=interval_from_json(data["interval"]),
        n=data["n"],
        clusters=data["clusters"],
    )
