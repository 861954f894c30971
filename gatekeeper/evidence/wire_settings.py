"""`settings` of an evidence.json, and how plain fields of a record are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from gatekeeper.evidence.wire_second import second_from_json, second_to_json
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.evidence import AuditSettings
from gatekeeper.records.reasoning import Reasoning

#: Fields of every bundle that are no options.
_OWN = (
    "judge_version",
    "batch_rows",
    "device",
    "system_prompt_sha256",
    "chat_template_sha256",
    "versions",
)
_OPTIONS = tuple(field.name for field in fields(AuditConfig))
#: Younger than the rest, and no options.
_OWN_SINCE = ("judge_settings", "split", "system_prompts")
#: What options that were not recorded yet stand for, where that is not their default.
_UNRECORDED = {"resamples": 0, "size": 0, "budget": 0, "roles": False, "positive_control": False}


def plain_fields(record: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Fields of a record as plain data: tuples as lists, mappings as dictionaries."""
    values = ((name, getattr(record, name)) for name in names)
    return {
        name: list(v) if isinstance(v, tuple) else dict(v) if isinstance(v, Mapping) else v
        for name, v in values
    }


def settings_to_json(settings: AuditSettings) -> dict[str, Any]:
    """`settings` of an evidence.json."""
    return {
        **plain_fields(settings, (*_OWN, *_OPTIONS, *_OWN_SINCE)),
        **second_to_json(settings),
        **_reasoning_to_json(settings.reasoning),
        **({"clock": settings.clock} if settings.clock else {}),
        **({"metrics": dict(settings.metrics)} if settings.metrics else {}),
    }


def settings_from_json(settings: Mapping[str, Any]) -> AuditSettings:
    """The record of `settings` that fit their schema."""
    named = (*_OPTIONS, *_OWN, *_OWN_SINCE)
    recorded = _UNRECORDED | {name: settings[name] for name in named if name in settings}
    lists = {name: tuple(value) for name, value in recorded.items() if isinstance(value, list)}
    return AuditSettings(
        **recorded | lists,
        second=second_from_json(settings),
        parallel=settings.get("parallel"),
        reasoning=_reasoning_from_json(settings.get("reasoning")),
        clock=settings.get("clock"),
        metrics=dict(settings.get("metrics", {})),
    )


def _reasoning_to_json(reasoning: Reasoning | None) -> dict[str, Any]:
    """`reasoning` of the settings; nothing in what was made before it was told apart."""
    if reasoning is None:
        return {}
    return {"reasoning": plain_fields(reasoning, ("rule", "marks", "max_tokens", "thinking"))}


def _reasoning_from_json(data: Mapping[str, Any] | None) -> Reasoning | None:
    if data is None:
        return None
    return Reasoning(
        rule=data["rule"],
        marks=tuple(data["marks"]),
        max_tokens=data["max_tokens"],
        thinking=data["thinking"],
    )
