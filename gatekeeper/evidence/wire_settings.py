"""`settings` of an evidence.json, and how plain fields of a record are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.evidence.wire_second import second_from_json, second_to_json
from gatekeeper.records.evidence import AuditSettings
from gatekeeper.records.reasoning import Reasoning

_SETTINGS = (
    "selectors",
    "ks",
    "controls",
    "mode",
    "phase",
    "judge",
    "judge_version",
    "max_new_tokens",
    "batch_rows",
    "dtype",
    "device",
    "seed",
    "selection_share",
    "max_prompts",
    "system_prompt_sha256",
    "chat_template_sha256",
    "versions",
)
#: Younger than the rest: bundles written before do not have them.
_SETTINGS_SINCE = (
    "resamples",
    "size",
    "window",
    "budget",
    "roles",
    "environments",
    "cross_fit",
    "judge_settings",
    "sequential",
    "seed_from",
    "nonce",
    "split",
    "positive_control",
)
#: Lists of text, younger too.
_SETTINGS_LISTS = ("system_prompts", "formats", "doses")


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
        **plain_fields(settings, (*_SETTINGS, *_SETTINGS_SINCE, *_SETTINGS_LISTS)),
        **second_to_json(settings),
        **_reasoning_to_json(settings.reasoning),
        **({"clock": settings.clock} if settings.clock else {}),
        **({"metrics": dict(settings.metrics)} if settings.metrics else {}),
    }


def settings_from_json(settings: Mapping[str, Any]) -> AuditSettings:
    """The record of `settings` that fit their schema."""
    return AuditSettings(
        **{name: settings[name] for name in _SETTINGS if name not in {"selectors", "ks"}},
        **{name: settings[name] for name in _SETTINGS_SINCE if name in settings},
        system_prompts=tuple(settings.get("system_prompts", ())),
        formats=tuple(settings.get("formats", ())),
        doses=tuple(settings.get("doses", ())),
        second=second_from_json(settings),
        parallel=settings.get("parallel"),
        reasoning=_reasoning_from_json(settings.get("reasoning")),
        clock=settings.get("clock"),
        metrics=dict(settings.get("metrics", {})),
        selectors=tuple(settings["selectors"]),
        ks=tuple(settings["ks"]),
    )


def _reasoning_to_json(one: Reasoning | None) -> dict[str, Any]:
    """`reasoning` of the settings; nothing in what was made before it was told apart."""
    if one is None:
        return {}
    return {"reasoning": plain_fields(one, ("rule", "marks", "max_tokens", "thinking"))}


def _reasoning_from_json(data: Mapping[str, Any] | None) -> Reasoning | None:
    if data is None:
        return None
    return Reasoning(
        rule=data["rule"],
        marks=tuple(data["marks"]),
        max_tokens=data["max_tokens"],
        thinking=data["thinking"],
    )
