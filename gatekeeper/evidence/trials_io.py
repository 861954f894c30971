"""trials.jsonl.gz: one row per mask × prompt. Sensitive: it holds completions."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable

from gatekeeper.errors import EvidenceError
from gatekeeper.records.trial import OUTCOMES, Trial

_FIELDS = ("mask", "prompt_id", "outcome", "reason", "tokens", "truncated", "completion")

#: Bytes a trials file may unpack to; above it the file is taken for a decompression bomb.
_MOST = 8 << 30


def trials_to_bytes(trials: Iterable[Trial]) -> bytes:
    """Gzipped JSON lines; equal trials give equal bytes (no time in the header)."""
    lines = (
        json.dumps({name: getattr(t, name) for name in _FIELDS}, ensure_ascii=False) + "\n"
        for t in trials
    )
    # A model may emit lone surrogates through a byte tokenizer: they stay readable as escapes.
    text = "".join(lines).encode("utf-8", "backslashreplace")
    return gzip.compress(text, mtime=0)


def trials_from_bytes(data: bytes, *, where: str) -> tuple[Trial, ...]:
    """The trials of a file.

    Raises:
        EvidenceError: not such a file; names the line.
    """
    try:
        rows = _unpack(data, where).decode("utf-8").split("\n")[:-1]
    except (ValueError, EOFError, OSError) as error:
        raise EvidenceError("not readable gzipped text", where=where) from error
    return tuple(_trial(row, f"{where}:{line}") for line, row in enumerate(rows, start=1))


def _trial(row: str, where: str) -> Trial:
    try:
        fields = json.loads(row)
        trial = Trial(**{name: fields[name] for name in _FIELDS})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvidenceError("not a readable trial", where=where) from error
    if trial.outcome not in OUTCOMES:
        raise EvidenceError("not a known outcome", where=where)
    return trial


def _unpack(data: bytes, where: str) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        text = stream.read(_MOST + 1)
    if len(text) > _MOST:
        raise EvidenceError("unpacks to more than 8 GiB", where=where)
    return text
