"""JSON Schemas that are shipped beside modules, held to the letter: 1.0 is no whole number."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import, and many commands read nothing that has a schema
    from jsonschema.protocols import Validator


@cache
def strict_validator(path: Path) -> Validator:
    """The validator of the schema in a file.

    JSON Schema takes 1.0 for an integer. What is read would then be a float where code counts on a
    whole number, and two writers would give one value two digests.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, v: type(v) is int)
    strict: type[Validator] = extend(Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]
    return strict(json.loads(path.read_text(encoding="utf-8")))
