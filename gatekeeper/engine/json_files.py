"""JSON of a checkpoint: strict, and of bounded work whatever it holds.

`json` alone keeps the last of two equal keys, makes infinities of 1e999 and fails on its own limits
with errors of Python's; a reader that is served the same file may take another value.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.pointers import refuse_pointer

CONFIG = "config.json"

#: Told of a file that was cut or changed on its way.
COPY_AGAIN = "copy or download the checkpoint again, and compare its checksums"

_MOST_BYTES = 100_000_000
#: Commas and brackets: each value takes some fifty bytes of memory. The index of the largest model
#: that is published has 200,000.
_MOST_PARTS = 3_500_000
#: Of whole numbers: tokenizers write 10^30 for "no limit", and no more is meant by any.
_MOST_DIGITS = 100
_BOM = b"\xef\xbb\xbf"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a checkpoint.

    Raises:
        CheckpointError: too large, a pointer to the file, not JSON, a key given twice, a number
            that is none or too large, or not an object.
    """
    if path.stat().st_size > _MOST_BYTES:
        damaged(path, f"larger than {_MOST_BYTES // 1_000_000} MB")
    return parse(path.read_bytes(), path)


def parse(raw: bytes, path: Path) -> dict[str, Any]:
    """The object in these bytes of a file; raises as `read_json` does."""
    refuse_pointer(raw, excerpt(path), CheckpointError)
    if sum(map(raw.count, (b",", b"[", b"{"))) > _MOST_PARTS:
        damaged(path, f"has more than {_MOST_PARTS:,} parts")
    if raw.startswith(_BOM):
        damaged(path, "starts with a byte order mark", "save it as UTF-8 without BOM")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    # RecursionError: a file may nest deeper than the parser can follow.
    except (ValueError, RecursionError) as error:
        damaged(path, f"is not valid JSON ({excerpt(error)})")
    if not isinstance(value, dict):
        damaged(path, "is not a JSON object")
    return value


def damaged(path: Path, message: str, remedy: str = COPY_AGAIN) -> NoReturn:
    """Refuses a file of a checkpoint."""
    raise CheckpointError(message, where=excerpt(path), remedy=remedy)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _constant(name: str) -> float:
    # Infinity is a limit that configs of state-space models set; NaN would make every logit one.
    if name == "NaN":
        raise ValueError("NaN is no number")
    return float(name)
