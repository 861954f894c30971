"""JSON Schemas that are shipped beside modules, held to the letter: 1.0 is no whole number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # slow to import, and many commands read nothing that has a schema
    from jsonschema.protocols import Validator


@cache
def strict_validator(path: Path, *, inline: bool = False) -> Validator:
    """The validator of the schema in a file.

    Args:
        inline: puts what is referred to in the place of each reference, which halves the time that
            a large document takes; errors then do not tell of the references.

    JSON Schema takes 1.0 for an integer. What is read would then be a float where code counts on a
    whole number, and two writers would give one value two digests. And jsonschema compares each
    entry of a list with each other where it cannot sort them, which a small file can make hours.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend

    def unique(_: Validator, wanted: bool, value: Any, __: Any) -> Iterator[ValidationError]:
        """What must be there once is text in all our schemas; what is none is refused as such."""
        texts = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
        if wanted and len(set(texts)) < len(texts):
            yield ValidationError("has non-unique elements")

    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, v: type(v) is int)
    strict: type[Validator] = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"uniqueItems": unique}, type_checker=types
    )
    schema = json.loads(path.read_text(encoding="utf-8"))
    return strict(_inlined(schema, schema["$defs"]) if inline else schema)


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    """A part of a schema without references, which none of ours has in a circle."""
    if isinstance(part, list):
        return [_inlined(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("$ref"), str):
        return _inlined(definitions[part["$ref"].removeprefix("#/$defs/")], definitions)
    return {k: _inlined(v, definitions) for k, v in part.items() if k != "$defs"}
