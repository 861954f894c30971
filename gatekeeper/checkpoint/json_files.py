"""Reads JSON of a checkpoint: strictly, and with bounded work whatever it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.pointers import refuse_pointer
from gatekeeper.strict_json import strict_loads

CONFIG = "config.json"

#: Told of a file that was cut or changed on its way.
COPY_AGAIN = "copy or download the checkpoint again, and compare its checksums"

_MOST_BYTES = 100_000_000
#: Commas and brackets: each value takes some fifty bytes of memory. The index of the largest model
#: that is published has 200,000.
_MOST_PARTS = 3_500_000
_BOM = b"\xef\xbb\xbf"


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object of a checkpoint.

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
        # Infinity is a limit that configs of state-space models set.
        value = strict_loads(raw, infinity=True)
    except ValueError as error:
        damaged(path, f"is not valid JSON ({excerpt(error)})")
    if not isinstance(value, dict):
        damaged(path, "is not a JSON object")
    return value


def damaged(path: Path, message: str, remedy: str = COPY_AGAIN) -> NoReturn:
    """Refuses a file of a checkpoint."""
    raise CheckpointError(message, where=excerpt(path), remedy=remedy)
