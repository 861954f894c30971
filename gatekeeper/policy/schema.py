"""The JSON Schemas of policies, tests and waivers; their errors in plain words, with places.

It knows nothing of which metrics and selectors exist: that is the catalog's business, checked in
`build.py`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from jsonschema.exceptions import ValidationError, best_match
from jsonschema.protocols import Validator

from gatekeeper import catalog
from gatekeeper.errors import did_you_mean, excerpt
from gatekeeper.odd_characters import foreign
from gatekeeper.policy.problems import Problem, error_at, in_order, is_odd
from gatekeeper.policy.wording import one_of
from gatekeeper.strict_schema import strict_validator
from gatekeeper.strict_yaml import Route, YamlDocument

POLICY_SCHEMA = "policy-v1"

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

#: keyword of the schema -> what is wrong with a value that breaks it
_SIZES = {
    "minLength": "is empty",
    "minItems": "is empty",
    "minProperties": "is empty",
    "maxLength": "is too long",
    "maxItems": "has too many entries",
    "minimum": "is too small",
    "maximum": "is too large",
}
_NOUNS = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number with decimals",
    list: "a list",
    dict: "a mapping",
    type(None): "empty",
}


def validator(name: str) -> Validator:
    """The validator of a schema file beside this module.

    Args:
        name: `policy-v1`, `policy-test-v1`, `waivers-v1` or `verdict-v1`.
    """
    return strict_validator(Path(__file__).with_name(f"{name}.json"))


def schema_problems(document: YamlDocument, schema: str = POLICY_SCHEMA) -> list[Problem]:
    """Everything in which a file does not have the right form; empty if it has."""
    errors = validator(schema).iter_errors(document.data)
    # What is no mapping is told as that, and not for lack of a limit.
    wrong = (e for e in errors if e.validator != "oneOf" or isinstance(e.instance, dict))
    return [problem for error in wrong for problem in _describe(document, error, schema)]


def first_schema_problem(document: YamlDocument, schema: str = POLICY_SCHEMA) -> Problem | None:
    """The one most worth telling, by jsonschema's `best_match`."""
    # With one of its keys misspelt by such a character, a rule mostly lacks something besides.
    if caused := [problem for problem in schema_problems(document, schema) if is_odd(problem)]:
        return in_order(caused)[0]
    error = best_match(validator(schema).iter_errors(document.data))
    return _describe(document, error, schema)[0] if error else None


def _describe(document: YamlDocument, error: ValidationError, schema: str) -> list[Problem]:
    route = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        return _unknown_keys(document, error, route)
    if error.validator == "required":
        return _missing_keys(document, error, route, schema)
    told = _unitless(document, error, route, schema)
    message, remedy = told or _words(error, _name(route), schema)
    return [error_at(document, route, message, remedy, odd=error.validator not in _SIZES)]


def _unknown_keys(document: YamlDocument, error: ValidationError, route: Route) -> list[Problem]:
    schema: Any = error.schema
    known, instance = tuple(schema["properties"]), cast("dict[str, Any]", error.instance)
    return [
        error_at(
            document,
            (*route, key),
            f"unknown key {excerpt(key)!r}{_inside(route)}",
            did_you_mean(key, known),
            key=True,
        )
        for key in instance
        if key not in known
    ]


def _missing_keys(
    document: YamlDocument, error: ValidationError, route: Route, schema: str
) -> list[Problem]:
    # jsonschema reports one error for each missing key, and names the key in its message only.
    required, instance = cast("list[str]", error.validator_value), cast("Any", error.instance)
    missing = [key for key in required if key not in instance]
    return [
        error_at(
            document,
            route,
            f"missing key {key!r}{_inside(route)}",
            f"add {key}: {_description(_property(error, key, schema), schema)}",
        )
        for key in missing
    ]


def _unitless(
    document: YamlDocument, error: ValidationError, route: Route, schema: str
) -> tuple[str, str] | None:
    """(what is wrong, what to write instead) for a number that lacks its unit; None for others."""
    value, part = cast("Any", error.instance), _broken(error, schema)
    units = _units(document, route, part, schema)
    if error.validator not in {"type", "pattern"} or not units or isinstance(value, bool):
        return None
    number = value if isinstance(value, str) else f"{value:g}" if _is_number(value) else ""
    if not _NUMBER.fullmatch(number):
        return None
    numbers = [number]
    if 0 < abs(float(number)) < 1 and set(units) <= {"%", "points"}:
        numbers.insert(0, f"{100 * float(number):g}")  # who writes 0.85 mostly means 85 %
    written = [f"{number} {unit}" for number in numbers for unit in units]
    return f"{_name(route)}: {number} what?", f"write {one_of(written)}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _units(document: YamlDocument, route: Route, part: Any, schema: str) -> tuple[str, ...]:
    """The units that a value may have; none if it has none."""
    pattern = _resolve(part, schema).get("pattern") if isinstance(part, dict) else None
    root: Any = validator(POLICY_SCHEMA).schema
    defined = root["$defs"]
    if pattern == defined["percent"]["pattern"]:
        return ("%",)
    if pattern is not None and " *days?" in pattern:
        return ("days",)
    if pattern != defined["limit"]["pattern"]:
        return ()
    if route == ("evidence", "positive_control") or route[-1] == "max_regression":
        return ("points",)
    try:
        metric = document.data["rules"][route[1]]["metric"] if route[0] == "rules" else None
    except (KeyError, IndexError, TypeError):
        metric = None
    if isinstance(metric, str) and metric in catalog.names("metric"):
        return (catalog.load("metric", metric).unit,)
    return ("%", "points")


def _words(error: ValidationError, name: str, schema: str) -> tuple[str, str]:
    """(what is wrong, what to write instead) for one value."""
    keyword, value = str(error.validator), cast("Any", error.instance)
    meant = _description(_broken(error, schema), schema)
    wanted = f"write {meant}"
    if keyword == "type":
        return f"{name} is {_NOUNS.get(type(value), 'of another type')}", wanted
    if keyword == "enum":
        known = [str(choice) for choice in cast("list[Any]", error.validator_value)]
        if isinstance(value, str):
            return f"{name}: unknown value {excerpt(value)!r}", did_you_mean(value, known)
        return f"{name}: unknown value {excerpt(value)!r}", f"known: {', '.join(known)}"
    if keyword == "oneOf":
        return (
            f"{name} has not exactly one limit",
            "give either max or min, or between, or max_regression",
        )
    if keyword in _SIZES:
        return f"{name} {_SIZES[keyword]}", wanted
    if keyword == "pattern" and (letter := foreign(str(value))):
        wanted += f": {letter}"
    return f"{name}: {excerpt(value)!r} is not {meant}", wanted


def _property(error: ValidationError, key: str, schema: str) -> Any:
    root: Any = validator(schema).schema
    # What only a policy that stands alone must have is described where any may have it.
    for part in (error.schema, root, root.get("$defs", {}).get("rule", {})):
        if found := cast("Any", part).get("properties", {}).get(key):
            return _resolve(found, schema)
    return {}


def _resolve(part: Any, schema: str) -> Any:
    while reference := part.get("$ref", ""):
        part = validator(schema).schema
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
    return part


def _description(part: Any, schema: str) -> str:
    described = part.get("description") or _resolve(part, schema).get("description")
    return str(described or "another value")


def _broken(error: ValidationError, schema: str) -> Any:
    """The part of the schema that was not met: where it refers to another one and describes itself,
    itself, as that tells more.
    """
    part: Any = validator(schema).schema
    for step in list(error.absolute_schema_path)[:-1]:
        if step != "$ref":  # which only some versions of jsonschema tell
            part = (_resolve(part, schema) if isinstance(part, dict) else part)[step]
    return part if "description" in part else error.schema


def _name(route: Route) -> str:
    """What a reader calls the value at a route: its key, or `entry 2 of k`."""
    if not route:
        return "the file"
    last = route[-1]
    return last if isinstance(last, str) else f"entry {last + 1} of {_name(route[:-1])}"


def _inside(route: Route) -> str:
    return f" in {_name(route)}" if route else ""
