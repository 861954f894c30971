from __future__ import annotations

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
