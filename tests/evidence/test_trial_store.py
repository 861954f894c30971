from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from gatekeeper.errors import AuditError
from gatekeeper.evidence.trial_store import StoredReply, TrialStore


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


def test_a_batch_is_there_wholly_or_not_at_all(tmp_path):
    with TrialStore(tmp_path / "s") as store:
        bad = StoredReply(key="b", text=None, ids=(1,), truncated=False)
        with pytest.raises(AuditError):
            store.put([reply("a"), bad])
        assert store.get(["a"]) == {}


def test_a_file_that_is_no_store_is_refused_by_name(tmp_path):
    (tmp_path / "s").write_bytes(b"not a database" * 100)
    with pytest.raises(AuditError, match="s: cannot use the store") as caught:
        TrialStore(tmp_path / "s")
    assert caught.value.remedy


def test_what_a_row_met_is_kept_where_it_was_noted(tmp_path):
    met = StoredReply(key="m", text="x", ids=(1,), truncated=True, met=b"\x01\x00")
    with TrialStore(tmp_path / "s") as store:
        store.put([met, reply("a")])
    with TrialStore(tmp_path / "s") as store:
        assert store.get(["m", "a"]) == {"m": met, "a": reply("a")}


def test_a_store_from_before_rows_noted_what_they_met_is_read(tmp_path):
    with TrialStore(tmp_path / "s") as store:
        store.put([reply("a")])
    with closing(sqlite3.connect(tmp_path / "s")) as db:
        db.execute("DROP TABLE met")
    with TrialStore(tmp_path / "s") as store:
        assert store.get(["a"]) == {"a": reply("a")}
