"""JSON of evidence as it was written: one value per key, finite numbers, no bottomless nesting."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

#: Of whole numbers. What is longer could not become a float, and none that is meant is.
_MOST_DIGITS = 100


def strict_loads(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: not JSON, a key given twice (two readers could each believe another value), NaN
            or Infinity or what a float cannot hold, or nested deeper than the parser can follow.
    """
    try:
        return json.loads(
            data,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise ValueError("nested too deep") from error


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
