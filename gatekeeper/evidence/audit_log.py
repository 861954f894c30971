"""A log that only grows: each line holds the digest of the line before it.

A line that was changed, taken out or moved no longer fits the next one, so whoever reads the log
finds it. What a chain alone cannot show is lines cut off at the end: for that its head, the digest
of its last line, must be kept somewhere else.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Any

import rfc8785

from gatekeeper.errors import AuditError, EvidenceError, UsageError, excerpt
from gatekeeper.evidence.file_locks import lock_file
from gatekeeper.plain_files import open_plain
from gatekeeper.strict_json import strict_loads

#: Name and version of the format, in each line.
LOG = "gatekeeper/audit-log/v1"
#: What the first line names as the digest of the line before it.
START = "sha256:" + 64 * "0"

#: Bytes of a line: names, digests and ids of rules.
_MOST_LINE = 1 << 20
#: Seconds to wait while others write: each needs the lock for milliseconds.
_WAIT = 30.0
_OURS = frozenset({"log", "seq", "previous"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a log.

    Attributes:
        seq: its number, from 1.
        digest: `sha256:` of the line.
        told: what it says, without what chains it.
    """

    seq: int
    digest: str
    told: Mapping[str, Any]


def append(path: Path, told: Mapping[str, Any]) -> Entry:
    """Adds a line, and waits for its turn where others write too.

    Raises:
        UsageError: see `check_log`.
        AuditError: it cannot be written, or others held it for half a minute.
    """
    try:
        with path.open("a+b") as file:
            _wait_for(file, path)
            last, whole = _last(file, path)
            seq, previous = (last.seq + 1, last.digest) if last else (1, START)
            line = rfc8785.dumps({**told, "log": LOG, "seq": seq, "previous": previous})
            # One write at the end of the file: a kill leaves all of it, or a stump that is found.
            file.write(b"\n" * (not whole) + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AuditError(
            f"the audit log cannot be written: {error.strerror}",
            where=excerpt(path),
            remedy="make it a file that can be written, or choose another --audit-log",
        ) from error
    return Entry(seq, _digest(line), told)


def check_log(path: Path) -> None:
    """Refuses a log that cannot be added to, before hours of work rather than after them.

    Raises:
        UsageError: it is no file, lies in no directory, may not be written, or ends in no line of
            a log.
    """
    if not path.parent.is_dir():
        raise UsageError(
            "no such directory", where=excerpt(path.parent), remedy="make it, or give another"
        )
    there = path.exists()
    if not os.access(path if there else path.parent, os.W_OK):
        raise UsageError(
            "may not be written", where=excerpt(path), remedy="choose another --audit-log"
        )
    if there:
        with open_plain(path, excerpt(path), UsageError) as file:
            _last(file, path)


def read_log(path: Path, head: str | None = None) -> Iterator[Entry]:
    """The lines of a log, each held against the one before it.

    Args:
        head: digest that the last line must have, as it was kept elsewhere; None: not known.

    Raises:
        EvidenceError: a line was changed, taken out, put in or moved; or the log ends otherwise.
        OSError: it cannot be read.
    """
    previous, number = START, 0
    with open_plain(path, excerpt(path), EvidenceError) as file:
        while line := file.readline(_MOST_LINE + 1):
            number += 1
            where = f"{excerpt(path)}:{number}"
            if not line.endswith(b"\n"):
                raise EvidenceError(
                    "the line is cut off", where=where, remedy="get the log again from its writer"
                )
            entry = _entry(line[:-1], where)
            linked = strict_loads(line)["previous"]
            if (entry.seq, linked) != (number, previous):
                raise EvidenceError(
                    _break(entry.seq, number, first=number == 1),
                    where=where,
                    remedy="do not trust the log from here on; compare it with a copy",
                )
            previous = entry.digest
            yield entry
    if head is not None and head != previous:
        raise EvidenceError(
            f"its last line has the digest {previous}, not the one given",
            where=excerpt(path),
            remedy="lines were added since that head was kept, or cut off: compare with a copy",
        )


def _break(seq: int, number: int, *, first: bool) -> str:
    """What is wrong with a line that does not follow from the one before it."""
    if seq != number:
        return f"it says that it is line {seq}: lines were taken out, put in or moved"
    return "lines before it were taken out" if first else "the line before it was changed"


def _entry(line: bytes, where: str) -> Entry:
    """A line, read.

    Raises:
        EvidenceError: it is none of a log, or not written as logs write it.
    """
    try:
        value = strict_loads(line)
        kinds = (value["log"], type(value["seq"]), type(value["previous"]))
        fits = kinds == (LOG, int, str) and rfc8785.dumps(value) == line
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise EvidenceError(
            "not a line of an audit log, or changed",
            where=where,
            remedy="do not trust the log from here on; compare it with a copy",
        )
    told = {key: told for key, told in value.items() if key not in _OURS}
    return Entry(value["seq"], _digest(line), told)


def _last(file: Any, path: Path) -> tuple[Entry | None, bool]:
    """The last line and whether it is whole; (None, True) of an empty file.

    Raises:
        UsageError: the file ends in something else.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _MOST_LINE - 1))
    tail = file.read()
    if not tail:
        return None, True
    whole = tail.endswith(b"\n")
    line = tail[: len(tail) - whole].rpartition(b"\n")[2]
    try:
        return _entry(line, excerpt(path)), whole
    except EvidenceError as error:
        raise UsageError(
            "ends in no line of an audit log",
            where=excerpt(path),
            remedy="look at it with `gatekeeper log verify`, or choose another --audit-log",
        ) from error


def _wait_for(file: BufferedRandom, path: Path) -> None:
    """Holds the file's lock, which goes when the file is closed.

    Raises:
        AuditError: others held it all the time, or there are no locks.
    """
    until = time.monotonic() + _WAIT
    while True:
        try:
            lock_file(file, path, "--audit-log")
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise AuditError(
                    "another process holds the audit log",
                    where=excerpt(path),
                    remedy="wait for it, or choose another --audit-log",
                ) from error
            time.sleep(0.02)
        else:
            return


def _digest(line: bytes) -> str:
    return "sha256:" + hashlib.sha256(line).hexdigest()
