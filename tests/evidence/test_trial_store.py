from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest

from gatekeeper.errors import AuditError
from gatekeeper.evidence import sqlite_files
from gatekeeper.evidence.trial_store import StoredReply, TrialStore, Unfinished, unfinished
from tests.typed import some


def reply(key: str) -> StoredReply:
    return StoredReply(key=key, text=f"text of {key} “é”", ids=(1, 2, 3), truncated=False)


def test_rows_outlive_the_process(tmp_path):
    with TrialStore(tmp_path / "s") as store:
        store.put([reply("a"), reply("b")])
        store.put_blob("profile", b"\x00\x01")
        store.add_seconds("trials", 1.5)
    with TrialStore(tmp_path / "s") as store:
        store.add_seconds("trials", 1.0)
        assert store.get(["a", "c"]) == {"a": reply("a")}
        assert store.blob("profile") == b"\x00\x01"
        assert store.blob("other") is None
        assert store.seconds() == {"trials": 2.5}


def test_what_an_earlier_session_left_is_known_before_the_next_begins(tmp_path):
    path = tmp_path / "s"
    assert unfinished(path, "one") is None
    with TrialStore(path, audit="one") as store:
        store.add_seconds("load", 1.0)
        assert unfinished(path, "one") is None  # nothing was computed
        store.put([reply("a"), reply("b")])
        store.add_seconds("trials", 2.0)
    assert unfinished(path, "one") == Unfinished(same=True, replies=2, seconds=3.0)
    assert unfinished(path, "two") == Unfinished(same=False, replies=2, seconds=3.0)
    with TrialStore(path, audit="two") as store:
        store.add_seconds("load", 5.0)
    assert unfinished(path, "two") == Unfinished(same=True, replies=2, seconds=5.0)
    path.write_bytes(b"no store at all, but long enough to be taken for one" * 99)
    assert unfinished(path, "one") is None


def test_a_batch_is_there_wholly_or_not_at_all(tmp_path):
    with TrialStore(tmp_path / "s") as store:
        nothing: Any = None  # a column that may not be empty
        bad = StoredReply(key="b", text=nothing, ids=(1,), truncated=False)
        with pytest.raises(AuditError):
            store.put([reply("a"), bad])
        assert store.get(["a"]) == {}


def test_a_file_that_is_no_store_is_refused_by_name(tmp_path):
    (tmp_path / "s").write_bytes(b"not a database" * 100)
    with pytest.raises(AuditError, match="s: cannot use the store") as caught:
        TrialStore(tmp_path / "s")
    assert caught.value.remedy


def test_it_is_in_write_ahead_mode_and_syncs_each_commit(tmp_path):
    with TrialStore(tmp_path / "s") as store:
        store.put([reply("a")])
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert (tmp_path / "s-wal").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_on_a_network_file_system_the_rollback_journal_does(tmp_path, monkeypatch):
    with TrialStore(tmp_path / "s") as store:
        store.put([reply("a")])
    monkeypatch.setattr(sqlite_files, "networked", lambda _: True)
    with TrialStore(tmp_path / "s") as store:  # made by an audit on a local disk, and moved
        store.put([reply("b")])
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert store.get(["a", "b"]).keys() == {"a", "b"}


def test_where_sqlite_refuses_write_ahead_mode_the_rollback_journal_does(tmp_path, monkeypatch):
    real = sqlite3.connect

    class Refusing(sqlite3.Connection):
        def execute(self, sql, *rest):
            if "journal_mode=WAL" in sql:
                error = sqlite3.OperationalError("locking protocol")
                error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
                raise error
            return super().execute(sql, *rest)

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **k, factory=Refusing))
    with TrialStore(tmp_path / "s") as store:
        store.put([reply("a")])
        assert store.get(["a"])
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("nfs4", True), ("lustre", True), ("fuse.sshfs", True), ("ext4", False), ("tmpfs", False)],
)
def test_network_file_systems_are_told_from_the_innermost_mount(tmp_path, kind, answer):
    inner = tmp_path / "shared data"
    other = "ext4" if answer else "nfs"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"22 1 254:0 / / rw - {other} /dev/vda rw\n"
        f"23 22 0:4 / {str(inner).replace(' ', chr(92) + '040')} rw shared:1 - {kind} x rw\n"
        f"24 22 0:5 / {inner}x rw - {other} x rw\n"
    )
    assert sqlite_files.networked(inner / "s", mounts) is answer
    assert sqlite_files.networked(inner / "s", tmp_path / "none") is False


def test_a_locked_file_is_told_and_nothing_is_lost(tmp_path):
    with TrialStore(tmp_path / "s", patience=0.1) as store:
        store.put([reply("a")])
        holder = sqlite3.connect(tmp_path / "s", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(AuditError, match="s: the store is locked by another") as caught:
            store.put([reply("b")])
        assert "run the same command again" in some(caught.value.remedy)
        assert store.get(["a", "b"]) == {"a": reply("a")}  # readers do not wait
        holder.execute("ROLLBACK")
        holder.close()
        store.put([reply("b")])
        assert store.get(["a", "b"]).keys() == {"a", "b"}


def test_a_store_that_is_held_for_good_cannot_be_opened(tmp_path):
    with TrialStore(tmp_path / "s") as store:
        store.put([reply("a")])
    holder = sqlite3.connect(tmp_path / "s", isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(AuditError, match="locked by another"):
        TrialStore(tmp_path / "s", patience=0.1)
    holder.close()


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path):
    with TrialStore(tmp_path / "s") as store:
        store.put([reply("a")])
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count={pages}")
        many = [reply(f"k{i}") for i in range(2000)]
        with pytest.raises(AuditError, match="disk full while storing") as caught:
            store.put(many)
        assert "run the same command again" in some(caught.value.remedy)
        assert store.get(["a", "k0", "k1999"]) == {"a": reply("a")}
        store._db.execute("PRAGMA max_page_count=100000")
        store.put(many)
        assert len(store.get(r.key for r in many)) == 2000


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 256 KiB; only root may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("cannot mount a file system here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_real_disk_that_fills_up_keeps_what_was_committed(small_disk):
    kept = 0
    with TrialStore(small_disk / "s") as store:
        with pytest.raises(AuditError, match=r"disk full|cannot read or write") as caught:
            for kept in range(2000):
                store.put([reply(f"{kept}-{i}") for i in range(20)])
        assert "finished rows are kept" in some(caught.value.remedy)
        assert 3 < kept < 1999
    with TrialStore(small_disk / "s") as store:
        assert len(store.get(f"{b}-{i}" for b in range(kept) for i in range(20))) == 20 * kept
        assert store.get([f"{kept}-0"]) == {}


_WRITER = """
import sys
from pathlib import Path
from gatekeeper.evidence import sqlite_files
from gatekeeper.evidence.trial_store import StoredReply, TrialStore
path, name, first = sys.argv[1:]
for batch in range(30):
    with TrialStore(Path(path), audit=name) as store:  # opened anew: modes, tables, checkpoints too
        keys = [f"{batch}-{i}" for i in range(8)] + [f"{name}-{batch}-{i}" for i in range(8)]
        store.put([
            StoredReply(key=k, text=f"text of {k}", ids=(1, 2), truncated=False) for k in keys
        ])
        store.put_blob(f"{name} {batch}", name.encode())
        store.add_seconds("trials", 1.0)
        assert len(store.get(keys)) == 16
"""


def test_two_audits_write_to_one_file_at_once_and_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "s"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, path, name, "0"], stderr=subprocess.PIPE)
        for name in ("one", "two")
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors.decode()
    for name in ("one", "two"):
        with TrialStore(path, audit=name) as store:
            keys = [f"{b}-{i}" for b in range(30) for i in range(8)]
            keys += [f"{name}-{b}-{i}" for b in range(30) for i in range(8)]
            found = store.get(keys)
            assert all(found[key].text == f"text of {key}" for key in keys)
            assert store.seconds() == {"trials": 30.0}
            assert store.blob(f"{name} 29") == name.encode()


def test_a_row_that_is_there_stays_as_it_is(tmp_path):
    with TrialStore(tmp_path / "s") as store:
        assert store.put([reply("a")])
        other = StoredReply(key="a", text="other", ids=(9,), truncated=True)
        assert not store.put([other, reply("b")])
        assert store.put([reply("c")]) and store.put([])
        assert store.get(["a", "b"]) == {"a": reply("a"), "b": reply("b")}


def test_a_store_that_noted_which_experts_rows_met_goes_on(tmp_path):
    """As older versions left it, with rows of a run that was interrupted."""
    with TrialStore(tmp_path / "s") as store:
        store.put([reply("a")])
    with closing(sqlite3.connect(tmp_path / "s")) as db, db:
        db.execute("CREATE TABLE met (key TEXT PRIMARY KEY, flags BLOB NOT NULL) WITHOUT ROWID")
        db.execute("INSERT INTO met VALUES ('a', x'01')")
    with TrialStore(tmp_path / "s") as store:
        assert store.put([reply("b")])
        assert store.get(["a", "b"]) == {"a": reply("a"), "b": reply("b")}
