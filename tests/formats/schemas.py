"""The official schemas of the formats, as validators that give back what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import regress
from jsonschema import Draft4Validator, Draft7Validator, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).with_name("schemas")
_CYCLONEDX = "bom-1.7.SNAPSHOT.schema.json"
_BESIDE = ("spdx", "jsf-0.82", "cryptography-defs")


def _pattern(
    _validator: Any, pattern: str, value: object, _schema: object
) -> Iterator[ValidationError]:
    """Patterns are ECMA's, which Python's `re` cannot read (`\\p{L}`)."""
    if isinstance(value, str) and regress.Regex(pattern, "u").find(value) is None:
        yield ValidationError(f"{value[:80]!r} does not match {pattern!r}")


def _read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@cache
def _validator(name: str) -> Validator:
    schema = _read(name)
    kind = Draft4Validator if "draft-04" in schema["$schema"] else Draft7Validator
    registry: Registry[Any] = Registry()
    if name == _CYCLONEDX:
        for other in (f"{part}.SNAPSHOT.schema.json" for part in _BESIDE):
            resource = Resource.from_contents(_read(other))
            registry = registry.with_resource(f"http://cyclonedx.org/schema/{other}", resource)
    made: Validator = validators.extend(kind, {"pattern": _pattern})(schema, registry=registry)
    return made


def _problems(name: str, document: Any) -> list[str]:
    return [f"{e.json_path}: {e.message[:200]}" for e in _validator(name).iter_errors(document)]


def sarif_problems(document: object) -> list[str]:
    return _problems("sarif-2.1.0.json", document)


def cyclonedx_problems(document: object) -> list[str]:
    return _problems(_CYCLONEDX, document)


def oscal_problems(document: object) -> list[str]:
    return _problems("oscal-complete-1.2.3.json", document)


@cache
def _jenkins() -> Any:
    import xmlschema

    return xmlschema.XMLSchema(FOLDER / "junit-10.xsd")


def jenkins_problems(data: bytes) -> list[str]:
    return [str(error.reason) for error in _jenkins().iter_errors(data.decode())]
