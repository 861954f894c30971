"""Stores a remote judge's answers and costs, so that nothing is asked or paid for twice.

Keyed by digests: neither prompts nor replies are in it. SQLite, a transaction for each answer.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from gatekeeper.errors import AuditError
from gatekeeper.evidence.file_locks import NoLocksError, lacks_locks

#: Its file in the work directory of an audit.
JUDGE_STORE = "judge.sqlite"
#: That of a second judge, which has a budget of its own.
SECOND_STORE = "second-judge.sqlite"

_CREATE = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, outcome TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (id INTEGER PRIMARY KEY CHECK (id = 0), cost REAL NOT NULL);
"""


class JudgeStore:
    """Answers by key, and what they cost over all sessions. Threads may share it.

    Args:
        path: the file, or None to keep everything in memory.
        patience: seconds to wait for another process that holds it.

    Raises:
        AuditError: the file is not a store, or cannot be written (disk full).
    """

    def __init__(self, path: Path | None, *, patience: float = 30) -> None:
        self._path, self._name = path, "memory" if path is None else path.name
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=patience,
                check_same_thread=False,
            )
            self._db.executescript(_CREATE)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _error(self, error: sqlite3.Error) -> AuditError:
        if self._path is not None and lacks_locks(self._path.parent):
            return NoLocksError(self._path.parent, "--out or --cache")
        return AuditError(
            f"cannot use the store of the judge's answers: {error}",
            where=self._name,
            remedy="free some space and run the same command again, or remove the file",
        )

    @property
    def keeps(self) -> bool:
        """Whether there are answers that another session will find."""
        try:
            with self._lock:
                row = self._db.execute("SELECT 1 FROM answers LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from error
        return self._path is not None and row is not None

    def get(self, key: str) -> str | None:
        """The outcome stored under a key."""
        query = "SELECT outcome FROM answers WHERE key = ?"
        try:
            with self._lock:
                row = self._db.execute(query, (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from error
        return str(row[0]) if row else None

    def put(self, key: str, outcome: str) -> None:
        """Stores an outcome."""
        try:
            with self._lock, self._db:
                self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, outcome))
        except sqlite3.Error as error:
            raise self._error(error) from error

    def reserve(self, cost: float, budget: float | None) -> bool:
        """Adds to what was spent, unless that would exceed the budget: then nothing is done."""
        with self._lock:
            if budget is not None and self.spent + cost > budget:
                return False
            self.spend(cost)
            return True

    def spend(self, cost: float) -> None:
        """Adds to what was spent; negative: gives back."""
        try:
            with self._lock, self._db:
                self._db.execute(
                    "INSERT INTO spent VALUES (0, ?) ON CONFLICT(id) "
                    "DO UPDATE SET cost = cost + excluded.cost",
                    (cost,),
                )
        except sqlite3.Error as error:
            raise self._error(error) from error

    @property
    def spent(self) -> float:
        """What was spent, over all sessions."""
        try:
            with self._lock:
                row = self._db.execute("SELECT cost FROM spent").fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from error
        return float(row[0]) if row else 0.0
