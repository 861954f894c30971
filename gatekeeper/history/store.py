"""A history: a directory of past bundles, each under its digest, with an index in SQLite.

    DIR/index.sqlite
    DIR/bundles/<hex digest of evidence.json>/evidence/…, verdict.json, policy.yaml, …

The files are what counts. The index holds what can be read from them, what people said of a release
(labels), and answers that the evidence has given (`policy.recalled`). It is kept in the rollback
journal's mode, so that a history can be read where nothing may be written.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.evidence.file_locks import lacks_locks
from gatekeeper.history.entry import Entry, brief_from_json, brief_to_json
from gatekeeper.history.packed import Answers, nothing, unpacked
from gatekeeper.outside import refuse_inside_checkpoint

INDEX, BUNDLES = "index.sqlite", "bundles"
#: Of the tables below; one of another version is not read.
_VERSION = 1
#: Seconds to wait for somebody else who is writing.
_PATIENCE = 10.0
_CREATE = f"""
CREATE TABLE IF NOT EXISTS bundles (
    digest TEXT PRIMARY KEY, model TEXT NOT NULL, checkpoint TEXT NOT NULL,
    finished TEXT NOT NULL, added TEXT NOT NULL, label TEXT NOT NULL, policy TEXT NOT NULL,
    policy_digest TEXT NOT NULL, judged_on TEXT, headline TEXT NOT NULL, brief TEXT, card TEXT,
    fail_on TEXT NOT NULL, files TEXT NOT NULL, baseline TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_model ON bundles (model, finished);
CREATE TABLE IF NOT EXISTS answers (
    digest TEXT NOT NULL, code TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (digest, code)
);
PRAGMA user_version = {_VERSION};
"""
_COLUMNS = (
    "digest, model, checkpoint, finished, added, label, policy, policy_digest, judged_on, "
    "headline, brief, card, fail_on, files, baseline"
)


class History:
    """An open history; use as a context manager.

    Args:
        folder: its directory; with `write` made if it is not there.
        write: whether anything is to be changed.

    Raises:
        UsageError: it is none, or cannot be read or written, or somebody else is writing.
    """

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        self.folder, self.writes = folder, write
        path = folder / INDEX
        if write:
            _make(folder)
        elif not path.is_file():
            raise UsageError(
                "no history: it holds no index.sqlite",
                where=excerpt(folder),
                remedy="name the directory that `gatekeeper history add --to` was given",
            )
        if path.with_name(f"{INDEX}-journal").exists():
            _undo_half(path)
        with self._told():
            self._db = _connected(path, "rwc" if write else "ro")
        try:
            self._open(write)
        except BaseException:
            self._db.close()
            raise

    def _open(self, write: bool) -> None:
        with self._told():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            known = version == _VERSION
            if write and version == 0:
                (self.folder / INDEX).chmod(0o600)  # as sensitive as the evidence
                self._db.executescript(_CREATE)
                known = True
        if not known:
            raise UsageError(
                f"an index of version {version}, this Gatekeeper has {_VERSION}",
                where=excerpt(self.folder / INDEX),
                remedy="use the Gatekeeper that wrote it, or move the index away and add "
                f"{BUNDLES}/* to the same directory again",
            )

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    # -- reading ----------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """All bundles, by model and then by day, the latest first."""
        query = f"SELECT {_COLUMNS} FROM bundles ORDER BY model, finished DESC, digest"  # noqa: S608
        with self._told():
            rows = self._db.execute(query).fetchall()
        try:
            return [_entry(row) for row in rows]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _useless(self.folder, "a row of it is none of ours") from error

    def entry(self, named: str) -> Entry:
        """The bundle whose digest begins so.

        Raises:
            UsageError: none does, or more than one.
        """
        start = named.removeprefix("sha256:").lower()
        found = [
            e for e in self.entries() if start and e.digest[len("sha256:") :].startswith(start)
        ]
        if len(found) == 1:
            return found[0]
        what = f"{len(found)} bundles begin with" if found else "no bundle has the digest"
        raise UsageError(
            f"{what} {excerpt(named)!r}",
            where=excerpt(self.folder),
            remedy="give as much of a digest as `gatekeeper history list` shows",
        )

    def find(self, digest: str) -> Entry | None:
        """The bundle of a whole digest; None if it is not here."""
        query = f"SELECT {_COLUMNS} FROM bundles WHERE digest = ?"  # noqa: S608
        with self._told():
            row = self._db.execute(query, (digest,)).fetchone()
        return None if row is None else _entry(row)

    def home(self, entry: Entry) -> Path:
        """The folder of a bundle's files."""
        return self.home_of(entry.digest)

    def home_of(self, digest: str) -> Path:
        """The folder that a bundle of this digest has, or would have."""
        return self.folder / BUNDLES / digest.removeprefix("sha256:")

    def answers(self, digest: str, code: str) -> Answers:
        """What a bundle has answered to the code named; empty if nothing."""
        query = "SELECT data FROM answers WHERE digest = ? AND code = ?"
        with self._told():
            row = self._db.execute(query, (digest, code)).fetchone()
        return nothing() if row is None else unpacked(row[0])

    # -- writing ----------------------------------------------------------------------------------

    def put(self, entry: Entry) -> bool:
        """Enters a bundle whose files are in its home; False, and nothing, if it is there."""
        row = (
            entry.digest, entry.model, entry.checkpoint, entry.finished.isoformat(),
            entry.added.isoformat(), entry.label, entry.policy, entry.policy_digest,
            entry.judged_on and entry.judged_on.isoformat(), entry.headline,
            entry.brief and json.dumps(brief_to_json(entry.brief)),
            None if entry.card is None else json.dumps(entry.card), entry.fail_on,
            json.dumps({name: list(facts) for name, facts in entry.files.items()}), entry.baseline,
        )  # fmt: skip
        marks = ", ".join("?" * len(row))
        with self._writing() as db:
            done = db.execute(f"INSERT OR IGNORE INTO bundles VALUES ({marks})", row)  # noqa: S608
        return done.rowcount > 0

    def label(self, entry: Entry, label: str) -> None:
        """Says of a release whether it turned out fine."""
        with self._writing() as db:
            db.execute("UPDATE bundles SET label = ? WHERE digest = ?", (label, entry.digest))

    def touch(self, entry: Entry, files: Mapping[str, Any]) -> None:
        """Notes the time of change of files whose digests were found to be right."""
        with self._writing() as db:
            values = (json.dumps(dict(files)), entry.digest)
            db.execute("UPDATE bundles SET files = ? WHERE digest = ?", values)

    def remember(self, code: str, answered: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Adds answers of bundles to those that are known; those of other code are dropped."""
        with self._writing() as db:
            for digest, new in answered:
                packed = self.answers(digest, code).packed(new)
                db.execute("DELETE FROM answers WHERE digest = ?", (digest,))
                # Not of a bundle that was removed meanwhile.
                db.execute(
                    "INSERT INTO answers SELECT digest, ?, ? FROM bundles WHERE digest = ?",
                    (code, packed, digest),
                )

    def drop(self, entries: Iterable[Entry]) -> None:
        """Forgets bundles; their files are for the caller to remove."""
        digests = [(entry.digest,) for entry in entries]
        with self._writing() as db:
            db.executemany("DELETE FROM answers WHERE digest = ?", digests)
            db.executemany("DELETE FROM bundles WHERE digest = ?", digests)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is wholly there afterwards or not at all."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _index_error(self.folder, error, writes=self.writes) from error


def writable(folder: Path) -> bool:
    """Whether a history may be added to."""
    return may_write(folder) and may_write(folder / INDEX)


def may_write(path: Path) -> bool:
    """Whether permissions let this user write there."""
    return os.access(path, os.W_OK)


def _make(folder: Path) -> None:
    refuse_inside_checkpoint(folder)
    try:
        (folder / BUNDLES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error.strerror or "it cannot be made") from error
    if not may_write(folder) or not may_write(folder / BUNDLES):
        raise _unwritable(folder, "it may only be read")


def _unwritable(folder: Path, why: str) -> UsageError:
    return UsageError(
        f"cannot be written to: {why}",
        where=excerpt(folder),
        remedy="name a history that you may change; list, show and replay work with this one",
    )


def _index_error(folder: Path, error: sqlite3.Error, *, writes: bool) -> UsageError:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        if lacks_locks(folder):
            message = "this file system has no locks"
            remedy = "keep the history on another one"
        else:
            message = "somebody else is writing to this history"
            remedy = "run the same command again in a moment; nothing is lost"
        return UsageError(message, where=excerpt(folder), remedy=remedy)
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM} and writes:
        return _unwritable(folder, "its index may only be read")
    if code == sqlite3.SQLITE_READONLY:
        return UsageError(
            "a change of a killed process is to be undone first, and the index may only be read",
            where=excerpt(folder),
            remedy="run `gatekeeper history list` as somebody who may write to it; nothing is lost",
        )
    if code == sqlite3.SQLITE_FULL:
        message, remedy = "disk full", "free some space and run the same command again"
        return UsageError(message, where=excerpt(folder), remedy=remedy)
    return _useless(folder, excerpt(error))


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)


def _undo_half(path: Path) -> None:
    """Undoes what a killed process left half written, which SQLite does only where it may write."""
    with suppress(sqlite3.Error), closing(_connected(path, "rw")) as db:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _useless(folder: Path, why: str) -> UsageError:
    return UsageError(
        f"the index cannot be used: {why}",
        where=excerpt(folder / INDEX),
        remedy=f"move it away and add {BUNDLES}/* to the same directory again; labels are lost",
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    (digest, model, checkpoint, finished, added, label, policy, policy_digest, judged_on,
     _, brief, card, fail_on, files, baseline) = row  # fmt: skip
    return Entry(
        digest=digest,
        model=model,
        checkpoint=checkpoint,
        finished=date.fromisoformat(finished),
        added=date.fromisoformat(added),
        label=label,
        policy=policy,
        policy_digest=policy_digest,
        judged_on=None if judged_on is None else date.fromisoformat(judged_on),
        brief=None if brief is None else brief_from_json(json.loads(brief)),
        card=None if card is None else json.loads(card),
        fail_on=fail_on,
        files=json.loads(files),
        baseline=baseline,
    )
