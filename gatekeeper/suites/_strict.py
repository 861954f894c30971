"""Strict JSON for suite files: checked against a schema, with errors that never repeat a prompt.

A suite is full of text that must not reach a log, and a broken row may hold it anywhere, a key
included. So messages are made from the schema's side of an error, never from the instance's.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, cast

from jsonschema import ValidationError
from jsonschema.exceptions import relevance
from jsonschema.protocols import Validator

from gatekeeper.errors import UsageError, did_you_mean
from gatekeeper.odd_characters import first_odd, named, remedy
from gatekeeper.strict_json import RepeatedKeyError, strict_loads
from gatekeeper.strict_schema import strict_validator
from gatekeeper.suites._files import wide_encoding

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,39}")
_BOM = b"\xef\xbb\xbf"
#: Differences from a schema that are looked at: a list of nonsense has one for each entry.
_MOST = 1000
#: First bytes of the marks of wide encodings.
_MARKED = (b"\xff", b"\xfe", b"\0")


def parse(raw: bytes, where: str) -> Any:
    """A JSON value from UTF-8 bytes.

    Raises:
        UsageError: byte order mark, invalid UTF-8, invalid JSON, a key given twice, or NaN.
    """
    if raw[:1] in _MARKED and (wide := wide_encoding(raw)):
        raise UsageError(f"is {wide.upper()}", where=where, remedy="save it as UTF-8")
    if raw.startswith(_BOM):
        raise UsageError(
            "starts with a byte order mark", where=where, remedy="save it as UTF-8 without BOM"
        )
    try:
        return strict_loads(raw)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"invalid UTF-8 at byte {error.start + 1} of the line or file",
            where=where,
            remedy="save it as UTF-8",
        ) from None
    except json.JSONDecodeError as error:
        # `error.msg` is one of the parser's fixed sentences; str(error) would be as safe, but the
        # chained exception carries the document, hence `from None` throughout.
        there, told = error.doc[error.pos : error.pos + 1], ""
        instead = "one JSON object per line, strings escaped"
        if first_odd(there) == 0:  # such as a no-break space, which nobody sees
            told, instead = f" at {named(there)}", remedy(there)
        raise UsageError(
            f"invalid JSON at column {error.colno}{told}: {error.msg}", where=where, remedy=instead
        ) from None
    except RepeatedKeyError as error:
        message = f"key{plain(error.key)} is given twice"
        raise UsageError(message, where=where, remedy="mend the object") from None
    except ValueError as error:  # a sentence of the decoder, which repeats no text of the file
        raise UsageError(str(error), where=where, remedy="mend the object") from None


def faults(value: Any, schema: str, where: str) -> list[UsageError]:
    """Where `value` differs from the schema file `schema` of this folder, the plainest fault first.

    Nothing of the value is repeated but short plain keys.
    """
    if _plainly_right(value, schema):
        return []
    some = islice(_validator(schema).iter_errors(value), _MOST)
    errors = sorted(some, key=relevance, reverse=True)
    explained = dict.fromkeys(_explain(error) for error in errors)
    return [UsageError(message, where=where, remedy=remedy) for message, remedy in explained]


def _plainly_right(value: Any, schema: str) -> bool:
    """Whether a value surely fits: the schema's own words for flat objects of text, read directly.

    A validator takes fifty times as long, and all but a few lines of a suite are right.
    """
    required, fields = _flat(schema)
    if type(value) is not dict or not required <= value.keys():
        return False
    for key, text in value.items():
        limits = fields.get(key)
        if limits is None or type(text) is not str:
            return False
        least, most, choices, pattern = limits
        if not least <= len(text) <= most or (choices is not None and text not in choices):
            return False
        if pattern is not None and not pattern.search(text):
            return False
    return True


_Limits = tuple[int, float, tuple[str, ...] | None, re.Pattern[str] | None]


@cache
def _flat(schema: str) -> tuple[frozenset[str], dict[str, _Limits]]:
    """Required keys, and the limits of the keys that are plain text."""
    root: Any = _validator(schema).schema
    fields: dict[str, _Limits] = {}
    for key, part in root["properties"].items():
        if not part.keys() <= {"type", "enum", "pattern", "minLength", "maxLength"}:
            continue
        if part.get("type", "string") == "string":
            choices, pattern = part.get("enum"), part.get("pattern")
            fields[key] = (
                part.get("minLength", 0),
                part.get("maxLength", math.inf),
                tuple(choices) if choices else None,
                re.compile(pattern) if pattern else None,
            )
    return frozenset(root["required"]), fields


def plain(value: str) -> str:
    """An id or key to repeat in a message, or nothing where it might hold a prompt."""
    return f" {value!r}" if _PLAIN.fullmatch(value) else ""


def _validator(schema: str) -> Validator:
    return strict_validator(Path(__file__).with_name(schema))


def _explain(error: ValidationError) -> tuple[str, str]:
    """Message and remedy of a schema error."""
    path = [str(p) for p in error.absolute_path if isinstance(p, str)]
    key = path[-1] if path else "the line"
    rule, limit = str(error.validator), cast(Any, error.validator_value)
    if rule == "additionalProperties":
        return _unknown_key(error)
    if rule == "required":
        missing = [k for k in limit if k not in cast(Any, error.instance)]
        return f"lacks {', '.join(missing)}", "add what is missing"
    if rule == "enum":
        return f"{key} has an unknown value", f"one of: {', '.join(limit)}"
    if rule == "const":
        return f"{key} is of an unknown version", f"this version reads {limit!r}"
    sentences = {
        "type": f"{key} must be of type {limit}",
        "minLength": f"{key} is empty",
        "maxLength": f"{key} is longer than {limit} characters",
        "minimum": f"{key} is below {limit}",
        "minItems": f"{key} is empty",
        "uniqueItems": f"{key} names something twice",
        "pattern": f"{key} is not of the form {limit}",
    }
    return sentences[rule], "see prompt-v1.json and suite-v1.json for the format"


def _unknown_key(error: ValidationError) -> tuple[str, str]:
    known = sorted(cast(Any, error.schema)["properties"])
    unknown = next(k for k in cast(Any, error.instance) if k not in known)
    return f"unknown key{plain(unknown)}", did_you_mean(unknown, known)
