"""trials.jsonl.gz: one row per mask × prompt. Sensitive: it holds completions."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from gatekeeper.errors import EvidenceError
from gatekeeper.records.trial import OUTCOMES, Trial
from gatekeeper.records.trials import Trials, TrialsBuilder
from gatekeeper.strict_json import strict_decoder

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
_KEYS = ({*_TYPES}, {*_TYPES, "second"})

_DECODER = strict_decoder()

#: Bytes that are unpacked at a time.
_PIECE = 1 << 18
#: Bytes of a trial: no reply of a million tokens is as long.
_LONGEST = 4 << 20
#: Characters of a judge's reason, which is a word.
_LONGEST_REASON = 200


def trials_to_bytes(trials: Iterable[Trial]) -> bytes:
    """Gzipped JSON lines; equal trials give equal bytes (no time in the header)."""
    return gzip.compress(b"".join(line + b"\n" for line in trial_lines(trials)), mtime=0)


def trial_lines(trials: Iterable[Trial]) -> Iterator[bytes]:
    """A line for each trial, without its end."""
    for trial in trials:
        # A model may emit lone surrogates through a byte tokenizer: they stay readable as escapes.
        yield json.dumps(_row(trial), ensure_ascii=False).encode("utf-8", "backslashreplace")


def _row(trial: Trial) -> dict[str, str | int]:
    row: dict[str, str | int] = {name: getattr(trial, name) for name in _FIELDS}
    return row if trial.second is None else {**row, "second": trial.second}


def trials_from_bytes(data: bytes, *, where: str) -> Trials:
    """The trials of a file's bytes, as `read_trials`."""
    return read_trials(io.BytesIO(data), where=where)


def read_trials(
    file: BinaryIO,
    *,
    where: str,
    most: int | None = None,
    seen: Callable[[bytes], None] | None = None,
) -> Trials:
    """The trials of a file, which is never in memory as a whole.

    Args:
        most: trials that there can be; what is beyond them is not unpacked.
        seen: is handed each line.

    Raises:
        EvidenceError: not such a file; names the line.
    """
    builder = TrialsBuilder()
    for number, line in enumerate(_lines(file, where), start=1):
        if most is not None and number > most:
            raise EvidenceError(
                f"more than {most} trials: one is there twice, or is of a prompt or a mask that "
                "evidence.json does not have",
                where=where,
            )
        _add(builder, line, f"{where}:{number}")
        if seen is not None:
            seen(line)
    return builder.trials()


def trial_of_line(line: bytes, where: str) -> Trial:
    """The trial of one line.

    Raises:
        EvidenceError: it is none.
    """
    builder = TrialsBuilder()
    _add(builder, line, where)
    return builder.trials()[0]


def _add(builder: TrialsBuilder, line: bytes, where: str) -> None:
    try:
        row = line.decode("utf-8")
        # Not json.loads: an audit has a row for every reply, and this takes two thirds of the time.
        fields, end = _DECODER.raw_decode(row)
    except (ValueError, RecursionError) as error:
        raise EvidenceError("not a readable trial", where=where) from error
    if end != len(row):
        raise EvidenceError("more than one trial on a line", where=where)
    if not isinstance(fields, dict) or fields.keys() not in _KEYS:
        raise EvidenceError("not a readable trial", where=where)
    _check(fields, where)
    try:
        builder.add(fields)
    except OverflowError as error:
        raise EvidenceError("not a readable trial: too many tokens", where=where) from error


def _check(fields: dict[str, Any], where: str) -> None:
    # `type is`, because True is an int to isinstance; spelt out, as there are trials by the 10,000.
    for name, wanted in _TYPES.items():
        if type(fields[name]) is not wanted:
            raise EvidenceError(f"not a readable trial: {name} is of a wrong type", where=where)
    if fields["tokens"] < 0:
        raise EvidenceError("not a readable trial: a negative number of tokens", where=where)
    if len(fields["reason"]) > _LONGEST_REASON or not fields["reason"].isprintable():
        raise EvidenceError("not a readable trial: its reason is no word", where=where)
    second = fields.get("second", fields["outcome"])
    if fields["outcome"] not in OUTCOMES or second not in OUTCOMES:
        raise EvidenceError("not a known outcome", where=where)


def _lines(file: BinaryIO, where: str) -> Iterator[bytes]:
    rest = b""
    for text in _unpacked(file, where):
        *lines, rest = (rest + text).split(b"\n")
        yield from lines
        if len(rest) > _LONGEST:
            raise EvidenceError(f"a line of more than {_LONGEST >> 20} MiB", where=where)
    if rest:
        raise EvidenceError("its last line has no end", where=where)


def _unpacked(file: BinaryIO, where: str) -> Iterator[bytes]:
    """The content of a gzip file of one member, piece by piece."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        while not unpack.eof:
            packed = unpack.unconsumed_tail or file.read(_PIECE)
            text = unpack.decompress(packed, _PIECE)
            if not packed and not text and not unpack.eof:
                raise EvidenceError("not readable gzipped text: it ends too early", where=where)
            yield text
    except zlib.error as error:
        raise EvidenceError("not readable gzipped text", where=where) from error
    if unpack.unused_data or file.read(1):
        raise EvidenceError("something follows the gzipped text", where=where)
