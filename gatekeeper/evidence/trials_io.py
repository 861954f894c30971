"""trials.jsonl.gz: one row per mask × prompt. Sensitive: it holds completions."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable

from gatekeeper.errors import EvidenceError
from gatekeeper.records.trial import OUTCOMES, Trial

_TYPES = {
    "mask": str,
    "prompt_id": str,
    "outcome": str,
    "reason": str,
    "tokens": int,
    "truncated": bool,
    "completion": str,
}
_FIELDS = tuple(_TYPES)

_DECODER = json.JSONDecoder()

#: Bytes a trials file may unpack to; above it the file is taken for a decompression bomb.
_MOST = 8 << 30


def trials_to_bytes(trials: Iterable[Trial]) -> bytes:
    """Gzipped JSON lines; equal trials give equal bytes (no time in the header)."""
    lines = (json.dumps(_row(t), ensure_ascii=False) + "\n" for t in trials)
    # A model may emit lone surrogates through a byte tokenizer: they stay readable as escapes.
    text = "".join(lines).encode("utf-8", "backslashreplace")
    return gzip.compress(text, mtime=0)


def _row(trial: Trial) -> dict[str, str | int]:
    row: dict[str, str | int] = {name: getattr(trial, name) for name in _FIELDS}
    return row if trial.second is None else {**row, "second": trial.second}


def trials_from_bytes(data: bytes, *, where: str) -> tuple[Trial, ...]:
    """The trials of a file.

    Raises:
        EvidenceError: not such a file; names the line.
    """
    try:
        rows = _unpack(data, where).decode("utf-8").split("\n")[:-1]
    except (ValueError, EOFError, OSError) as error:
        raise EvidenceError("not readable gzipped text", where=where) from error
    return tuple(_trial(row, where, line) for line, row in enumerate(rows, start=1))


def _trial(row: str, where: str, line: int) -> Trial:
    try:
        # Not json.loads: an audit has a row for every reply, and this takes two thirds of the time.
        fields, end = _DECODER.raw_decode(row)
        trial = Trial(**fields)
    except (ValueError, TypeError, RecursionError) as error:
        raise EvidenceError("not a readable trial", where=f"{where}:{line}") from error
    if end != len(row):
        raise EvidenceError("more than one trial on a line", where=f"{where}:{line}")
    # `type is`, because True is an int to isinstance; spelt out, as there are trials by the 10,000.
    for name, wanted in _TYPES.items():
        if type(fields[name]) is not wanted:
            raise EvidenceError(
                f"not a readable trial: {name} is of a wrong type", where=f"{where}:{line}"
            )
    if trial.tokens < 0:
        raise EvidenceError(
            "not a readable trial: a negative number of tokens", where=f"{where}:{line}"
        )
    if trial.outcome not in OUTCOMES or fields.get("second", trial.outcome) not in OUTCOMES:
        raise EvidenceError("not a known outcome", where=f"{where}:{line}")
    return trial


def _unpack(data: bytes, where: str) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        text = stream.read(_MOST + 1)
    if len(text) > _MOST:
        raise EvidenceError("unpacks to more than 8 GiB", where=where)
    return text
