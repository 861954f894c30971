"""JSON of evidence as it was written: one value per key, finite numbers, no bottomless nesting."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def strict_loads(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: not JSON, a key given twice (two readers could each believe another value), NaN
            or Infinity, or nested deeper than the parser can follow.
    """
    try:
        return json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
