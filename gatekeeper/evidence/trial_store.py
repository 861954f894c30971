"""Finished rows of a running audit, so that a killed one goes on where it stopped.

SQLite, one transaction per batch: a row is either wholly there or not at all, also after
`kill -9` or a full disk. The store holds completions and is as sensitive as the evidence.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from gatekeeper.errors import AuditError

#: Its file in the work directory of an audit.
STORE = "trials.sqlite"

_CREATE = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, ids TEXT NOT NULL, truncated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS met (key TEXT PRIMARY KEY, flags BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (stage TEXT PRIMARY KEY, seconds REAL NOT NULL);
CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, data BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """One reply, keyed by all that it depends on.

    Attributes:
        ids: the tokens generated.
        met: the experts its tokens were routed to (`engine.met`), where they were noted.
    """

    key: str
    text: str
    ids: tuple[int, ...]
    truncated: bool
    met: bytes | None = None


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


class TrialStore:
    """A file of finished rows; use as a context manager.

    Raises:
        AuditError: the file is not a store, or cannot be written (disk full).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path, timeout=30)
            # A full sync per batch is cheap beside a batch, and survives a power cut.
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_CREATE)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def __enter__(self) -> TrialStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def _error(self, error: sqlite3.Error) -> AuditError:
        full = "full" in str(error)
        return AuditError(
            "disk full while storing finished rows" if full else f"cannot use the store: {error}",
            where=self._path.name,
            remedy="free some space and run the same command again: finished rows are kept"
            if full
            else "remove the directory it is in to start afresh",
        )

    def get(self, keys: Iterable[str]) -> dict[str, StoredReply]:
        """The stored replies among `keys`."""
        found: dict[str, StoredReply] = {}
        try:
            for key in keys:
                row = self._db.execute(
                    "SELECT text, ids, truncated, flags FROM replies LEFT JOIN met USING (key) "
                    "WHERE key = ?",
                    (key,),
                ).fetchone()
                if row:
                    found[key] = StoredReply(
                        key=key,
                        text=row[0],
                        ids=tuple(int(token) for token in row[1].split()),
                        truncated=bool(row[2]),
                        met=row[3],
                    )
        except sqlite3.Error as error:
            raise self._error(error) from error
        return found

    def put(self, replies: Sequence[StoredReply]) -> None:
        """Commits a batch of replies in one transaction."""
        rows = [(r.key, r.text, " ".join(map(str, r.ids)), int(r.truncated)) for r in replies]
        met = [(r.key, r.met) for r in replies if r.met is not None]
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)", rows)
                self._db.executemany("INSERT OR REPLACE INTO met VALUES (?, ?)", met)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def blob(self, name: str) -> bytes | None:
        """Bytes stored under a name (the profile of a resumed audit)."""
        row = self._db.execute("SELECT data FROM blobs WHERE name = ?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def put_blob(self, name: str, data: bytes) -> None:
        """Stores bytes under a name."""
        try:
            with self._db:
                self._db.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?)", (name, data))
        except sqlite3.Error as error:
            raise self._error(error) from error

    def add_seconds(self, stage: str, seconds: float) -> None:
        """Adds wall time to a stage, over all sessions of the audit."""
        try:
            with self._db:
                self._db.execute(
                    "INSERT INTO spent VALUES (?, ?) ON CONFLICT(stage) "
                    "DO UPDATE SET seconds = seconds + excluded.seconds",
                    (stage, seconds),
                )
        except sqlite3.Error as error:
            raise self._error(error) from error

    def seconds(self) -> dict[str, float]:
        """Wall time per stage so far."""
        return dict(self._db.execute("SELECT stage, seconds FROM spent ORDER BY stage").fetchall())
