"""The JSON Schema for editors: that of policy files, completed from what there is to choose from.

Loading takes `policy-v1.json`, which knows nothing of metrics: what they ask is checked in Python,
with errors in plain words. An editor has the schema only, so here it learns the metrics by name,
their units, sides and subjects, and the selectors and judges.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gatekeeper import catalog
from gatekeeper.policy.metric_words import KEYS, direction, meaning, named, unit
from gatekeeper.policy.schema import validator
from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.suite import SETS

#: The file beside this module that is shipped; a test holds it to `completed`.
FILE = Path(__file__).with_name("policy-v1-editor.json")
_ID = "https://moe-gatekeeper.github.io/schemas/policy-v1-editor.json"


def completed() -> dict[str, Any]:
    """The schema, with every metric, selector and judge that is installed."""
    schema: dict[str, Any] = copy.deepcopy(_plain())
    schema["$id"] = _ID
    schema["title"] = (
        "Gatekeeper policy, version 1, with the metrics, selectors and judges there are"
    )
    evidence, rule = schema["$defs"]["evidence"]["properties"], schema["$defs"]["rule"]
    selectors = _choice("selector", "the name of a selector", lambda one: str(one.title))
    evidence["selectors"]["items"] = selectors
    evidence["settings"]["properties"]["judge"] = _choice(
        "judge", "the name of a judge", lambda one: str(one.title)
    )
    rule["properties"]["at"]["properties"]["selector"] = selectors
    rule["properties"]["metric"] = _choice(
        "metric",
        "the name of a metric",
        lambda one: f"{meaning(one)} {unit(one)}; {direction(one)}",
    )
    rule["allOf"] = [*rule.get("allOf", ()), *map(_of_metric, named())]
    return schema


def as_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(completed(), indent=2, ensure_ascii=False) + "\n"


def _plain() -> Any:
    return validator("policy-v1").schema


def _choice(kind: str, description: str, about: Callable[[Any], str]) -> dict[str, Any]:
    names = catalog.names(kind)
    return {
        "description": description,
        "enum": list(names),
        "markdownEnumDescriptions": [about(catalog.load(kind, name)) for name in names],
    }


def _of_metric(metric: Metric) -> dict[str, Any]:
    """What a rule must be like if it is on this metric."""
    required = [key for key in metric.required if key != "selector"]
    at = {
        "description": f"what {metric.id} is asked about: {', '.join(metric.parameters) or '-'}",
        "properties": {key: {"description": KEYS[key]} for key in metric.parameters},
        "propertyNames": {"enum": list(metric.parameters)},
        **({"required": required} if required else {}),
    }
    limit = {
        "description": f"a number and its unit: {unit(metric)}",
        "pattern": f"^-?[0-9]{{1,9}}(\\.[0-9]{{1,9}})? *{metric.unit}(?!\\n)$",
        "examples": [f"10 {metric.unit}"],
    }
    return {
        "if": {"properties": {"metric": {"const": metric.id}}, "required": ["metric"]},
        "then": {
            "properties": {"at": at, "max": limit, "min": limit, "between": {"items": limit}},
            **({"required": ["at"]} if required else {}),
            "allOf": _sides(metric),
        },
    }


def _sides(metric: Metric) -> list[dict[str, Any]]:
    """Which of `max` and `min` may not be there, by set where that differs."""
    if not metric.reversed_on:
        return [_never("min" if metric.more_is_worse(Subject()) else "max")]
    more = [name for name in SETS if metric.more_is_worse(Subject(set=name))]
    less = [name for name in SETS if name not in more]
    return [_of_sets(more, "min"), _of_sets(less, "max")]


def _of_sets(sets: Sequence[str], never: str) -> dict[str, Any]:
    on = {"properties": {"set": {"enum": list(sets)}}, "required": ["set"]}
    return {"if": {"properties": {"at": on}, "required": ["at"]}, "then": _never(never)}


def _never(side: str) -> dict[str, Any]:
    right = "max" if side == "min" else "min"
    return {
        "properties": {side: {"not": {}, "description": f"the wrong side: write {right} instead"}}
    }
