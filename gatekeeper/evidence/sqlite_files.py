"""SQLite files that survive a kill, a power cut and a second process.

In write-ahead mode a commit is one append and readers never wait for a writer. It rests on memory
shared between processes, which network file systems do not give: there, and wherever SQLite
refuses it, the rollback journal does the same more slowly.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from pathlib import Path

from gatekeeper.errors import AuditError
from gatekeeper.evidence.file_locks import NoLocksError, lacks_locks

#: Types of file systems in /proc/self/mountinfo without memory shared between hosts.
_NETWORKED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "lustre", "gpfs", "beegfs", "ceph", "afs"}
)
_MOUNTS = Path("/proc/self/mountinfo")

#: Primary result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended one.
_PERM, _BUSY, _LOCKED, _READONLY, _IOERR, _FULL, _CANTOPEN, _PROTOCOL = 3, 5, 6, 8, 10, 13, 14, 15

#: Bytes of a page of SQLite's shared memory, the largest piece it asks for at once.
_PAGE = 32 << 10

_AGAIN = "run the same command again: finished rows are kept"


def open_sqlite(path: Path, create: str, patience: float) -> sqlite3.Connection:
    """Opens or makes a file.

    Args:
        create: statements that make its tables where they are not.
        patience: seconds to wait for another process that holds it.

    Raises:
        sqlite3.Error: see `store_error`.
    """
    db = sqlite3.connect(path, timeout=patience)
    try:
        if networked(path):
            db.execute("PRAGMA journal_mode=DELETE")
        else:
            _write_ahead(db, patience)
        # A full sync per batch is cheap beside a batch, and survives a power cut.
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(create)
    except BaseException:
        db.close()
        raise
    return db


def _write_ahead(db: sqlite3.Connection, patience: float) -> None:
    """Write-ahead mode where it can be had. The pragma answers with the mode that came of it."""
    deadline = time.monotonic() + patience
    while True:
        try:
            if db.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal":
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # maps shared memory
        except sqlite3.OperationalError as error:
            # The change of mode does not wait by itself where a wait could be for ever.
            if _code(error) == _BUSY and time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            if _code(error) not in {_IOERR, _PROTOCOL, _CANTOPEN}:
                raise
            db.execute("PRAGMA journal_mode=DELETE")
        return


def networked(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether a file lies on a network file system, as far as the mounts tell (Linux only)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    place = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        # proc(5): fields, " - ", file system type; spaces in paths are written as \040.
        mount, _, right = line.partition(" - ")
        fields = mount.split()
        if len(fields) < 5 or not right:
            continue
        point = fields[4].replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind in _NETWORKED or kind.startswith("fuse")


def _code(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_full(path: Path) -> bool:
    """Whether no page can be added: growing the shared memory of a store then fails too."""
    try:
        return shutil.disk_usage(path.parent).free < _PAGE
    except OSError:
        return False


def store_error(path: Path, error: sqlite3.Error) -> AuditError:
    """What is wrong with a store, in one line, and what to do. Nothing finished is ever lost."""
    code = _code(error)
    if code in {_BUSY, _LOCKED, _IOERR, _PERM} and lacks_locks(path.parent):
        return NoLocksError(path.parent.parent, "--out")
    if code == _FULL or (code == _IOERR and _is_full(path)):
        advice = "disk full while storing finished rows", f"free some space and {_AGAIN}"
    elif code in {_BUSY, _LOCKED}:
        advice = (
            "the store is locked by another process",
            f"end that one (an audit, or a database shell on this file) and {_AGAIN}",
        )
    elif code in {_IOERR, _PERM, _READONLY, _CANTOPEN, _PROTOCOL}:
        advice = (
            f"cannot read or write the store: {error}",
            f"check the disk, its space, limits (ulimit -f) and permissions, and {_AGAIN}",
        )
    else:
        advice = f"cannot use the store: {error}", "remove the directory it is in to start afresh"
    return AuditError(advice[0], where=str(path), remedy=advice[1])
