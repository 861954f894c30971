"""Stores the finished rows of a running audit, so that a killed one goes on where it stopped.

SQLite, one transaction per batch: a row is either wholly there or not at all, also after
`kill -9` or a full disk. Rows are keyed by all that they depend on and never change, so audits may
share a file: none sees a difference. The store holds completions and is as sensitive as the
evidence.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from gatekeeper.evidence.sqlite_files import open_sqlite, store_error

#: Its file in the work directory of an audit.
STORE = "trials.sqlite"

#: Seconds to wait for another process that holds the file.
_PATIENCE = 30.0

_Result = TypeVar("_Result")

_CREATE = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, ids TEXT NOT NULL, truncated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS times (
    audit TEXT NOT NULL, stage TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (audit, stage)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, data BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """One reply, keyed by all that it depends on.

    Attributes:
        ids: the tokens generated.
    """

    key: str
    text: str
    ids: tuple[int, ...]
    truncated: bool


def holds_rows(path: Path) -> bool:
    """Whether anything was computed into a store; one that cannot be read is taken to hold some."""
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(path)) as db:
            tables = ("replies", "blobs")
            return any(db.execute(f"SELECT 1 FROM {t} LIMIT 1").fetchone() for t in tables)  # noqa: S608
    except sqlite3.Error:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What an earlier session left in a store.

    Attributes:
        same: whether it was this audit's; else that of one with other options.
        replies: of all audits that share the store.
        seconds: that this audit took so far, or the others.
    """

    same: bool
    replies: int
    seconds: float


def unfinished(path: Path, audit: str) -> Unfinished | None:
    """What lies in a store before an audit begins; None where nothing does, or it can't be read."""
    if not holds_rows(path):
        return None
    try:
        with closing(sqlite3.connect(path)) as db:
            (replies,) = db.execute("SELECT count(*) FROM replies").fetchone()
            times = db.execute("SELECT audit, sum(seconds) FROM times GROUP BY audit").fetchall()
    except sqlite3.Error:  # whoever opens it next tells
        return None
    taken = {name: float(seconds) for name, seconds in times}
    seconds = taken.get(audit, sum(taken.values()))
    return Unfinished(same=audit in taken, replies=replies, seconds=seconds) if taken else None


class TrialStore:
    """A file of finished rows; use as a context manager. Several processes may write to one.

    Args:
        audit: whose times are kept; audits that share the file share rows but not these.
        patience: seconds to wait for another process that holds the file.

    Raises:
        AuditError: the file is not a store, cannot be written (disk full), or is held by another
            process for longer than `patience`. Its methods raise the same.
    """

    def __init__(self, path: Path, *, audit: str = "", patience: float = _PATIENCE) -> None:
        self._path, self._audit = path, audit
        #: Keys of the rows that this session put or has counted.
        self.own: set[str] = set()
        try:
            self._db = open_sqlite(path, _CREATE, patience)
        except sqlite3.Error as error:
            raise store_error(path, error) from error

    def __enter__(self) -> TrialStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def _do(self, action: Callable[[], _Result]) -> _Result:
        """One transaction: wholly done, or not at all."""
        try:
            with self._db:
                return action()
        except sqlite3.Error as error:
            raise store_error(self._path, error) from error

    def get(self, keys: Iterable[str]) -> dict[str, StoredReply]:
        """The stored replies among `keys`."""
        return self._do(lambda: self._get(keys))

    def _get(self, keys: Iterable[str]) -> dict[str, StoredReply]:
        replies: dict[str, StoredReply] = {}
        query = "SELECT text, ids, truncated FROM replies WHERE key = ?"
        for key in keys:
            row = self._db.execute(query, (key,)).fetchone()
            if row:
                ids = tuple(int(token) for token in row[1].split())
                replies[key] = StoredReply(key=key, text=row[0], ids=ids, truncated=bool(row[2]))
        return replies

    def put(self, replies: Sequence[StoredReply]) -> bool:
        """Commits a batch of replies in one transaction; a row that is there already stays.

        Returns:
            Whether none was there.
        """
        self.own.update(reply.key for reply in replies)
        rows = [(r.key, r.text, " ".join(map(str, r.ids)), int(r.truncated)) for r in replies]
        # Not OR IGNORE, which would skip what is wrong with a row too.
        insert = "INSERT INTO replies VALUES (?, ?, ?, ?) ON CONFLICT(key) DO NOTHING"
        return self._do(lambda: self._db.executemany(insert, rows).rowcount) == len(rows)

    def blob(self, name: str) -> bytes | None:
        """Bytes stored under a name (the profile of a resumed audit)."""
        query = "SELECT data FROM blobs WHERE name = ?"
        row = self._do(lambda: self._db.execute(query, (name,)).fetchone())
        return bytes(row[0]) if row else None

    def put_blob(self, name: str, data: bytes) -> bytes:
        """Stores bytes under a name, and returns what now holds there."""
        insert = "INSERT OR REPLACE INTO blobs VALUES (?, ?)"
        self._do(lambda: self._db.execute(insert, (name, data)))
        return data

    def add_seconds(self, stage: str, seconds: float) -> None:
        """Adds wall time to a stage, over all sessions of the audit."""
        add = (
            "INSERT INTO times VALUES (?, ?, ?) ON CONFLICT(audit, stage) "
            "DO UPDATE SET seconds = seconds + excluded.seconds"
        )
        self._do(lambda: self._db.execute(add, (self._audit, stage, seconds)))

    def seconds(self) -> dict[str, float]:
        """Wall time per stage so far."""
        query = "SELECT stage, seconds FROM times WHERE audit = ? ORDER BY stage"
        return dict(self._do(lambda: self._db.execute(query, (self._audit,)).fetchall()))
