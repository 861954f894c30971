"""JSON of evidence as it was written: one value per key, finite numbers, no bottomless nesting."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

#: Of whole numbers. What is longer could not become a float, and none that is meant is.
_MOST_DIGITS = 100

#: Half of a pair, maybe: alone it is no character, and no file or terminal takes it.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def strict_loads(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: not JSON in UTF-8, half a character, a key given twice (two readers could each
            believe another value), NaN or Infinity or what a float cannot hold, or nested deeper
            than the parser can follow.
    """
    try:
        # json.loads would guess UTF-16 and UTF-32, and skip a byte order mark: others do not.
        value = strict_decoder().decode(data.decode("utf-8"))
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value


def strict_decoder() -> json.JSONDecoder:
    """What `strict_loads` decodes with; nesting too deep is a RecursionError of its own."""
    return json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_constant=_no_constant,
        parse_int=_whole,
        parse_float=_finite,
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("a number is too large")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
