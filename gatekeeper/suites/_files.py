"""Reads a file that a user names, up to a limit, and says what it is if it is no text."""

from __future__ import annotations

import codecs
from pathlib import Path

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.plain_files import open_plain
from gatekeeper.pointers import refuse_pointer

MAX_FILE = 256_000_000  # bytes
_PIECE = 1 << 20

#: How files begin that are given in place of text: what they are, and what to do.
_KINDS = (
    (b"\x1f\x8b", "a gzip file", "unpack it"),
    (b"PK\x03\x04", "a zip file or an Excel workbook", "unpack it, or export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook or another document", "export it as CSV"),
    (b"BZh", "a bzip2 file", "unpack it"),
    (b"\xfd7zXZ\0", "an xz file", "unpack it"),
    (b"\x28\xb5\x2f\xfd", "a zstandard file", "unpack it"),
    (b"PAR1", "a Parquet file", "name it .parquet"),
    (b"SQLite format 3\0", "a database", "export it as CSV"),
    (b"%PDF-", "a PDF file", "give the text"),
)
#: Longer marks first: one of UTF-32 begins as one of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_bytes(path: Path, *, binary: bool = False) -> bytes:
    """What a file holds.

    Args:
        binary: whether it may be something else than text.

    Raises:
        UsageError: it is no file, cannot be read, is too large, or no text.
    """
    if not path.exists():
        raise UsageError("no such file", where=excerpt(path), remedy="check the path")
    try:
        with open_plain(path, excerpt(path), UsageError) as file:
            # Not all at once, which would ask for room for the largest, whatever the file has.
            pieces: list[bytes] = []
            while (piece := file.read(_PIECE)) and len(pieces) <= MAX_FILE // _PIECE:
                pieces.append(piece)
            raw = b"".join(pieces)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {excerpt(error.strerror or error)}",
            where=excerpt(path),
            remedy="check the path and its permissions",
        ) from error
    if len(raw) > MAX_FILE:
        raise UsageError(
            f"is larger than {MAX_FILE // 1_000_000} MB", where=excerpt(path), remedy="split it"
        )
    refuse_pointer(raw, excerpt(path), UsageError)
    for start, kind, remedy in _KINDS:
        if raw.startswith(start) and not binary:
            raise UsageError(f"is {kind}", where=excerpt(path), remedy=remedy)
    return raw


def wide_encoding(raw: bytes) -> str | None:
    """`utf-16` or `utf-32` if the byte order mark says so."""
    return next((name for mark, name in _MARKS if raw.startswith(mark)), None)
