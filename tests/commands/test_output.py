"""What is left of an audit that stopped: its rows if there are any, else nothing."""

from __future__ import annotations

import pytest

from gatekeeper.commands._output import WORK, output_directory
from gatekeeper.errors import AuditError, UsageError
from gatekeeper.evidence.trial_store import STORE, StoredReply, TrialStore


def stop(out, *, rows=0, overwrite=False):
    with (
        pytest.raises(KeyboardInterrupt),
        output_directory(out, overwrite=overwrite) as work,
        TrialStore(work / STORE) as store,
    ):
        store.add_seconds("load", 1.0)
        if rows:
            store.put([StoredReply(key=str(i), text="x", ids=(1,), truncated=False) for i in range(rows)])  # fmt: skip  # noqa: E501
        raise KeyboardInterrupt


def test_nothing_is_left_where_nothing_was_computed(tmp_path):
    stop(tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_was_there_stays(tmp_path):
    stop(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_rows_stay_and_a_second_stop_does_not_lose_them(tmp_path):
    out = tmp_path / "out"
    stop(out, rows=3)
    stop(out)
    assert (out / WORK / STORE).is_file()
    with output_directory(out, overwrite=False) as work, TrialStore(work / STORE) as store:
        assert store.get(["0", "1", "2", "3"]).keys() == {"0", "1", "2"}
    assert list(out.iterdir()) == []


def test_an_audit_at_work_keeps_its_directory_from_another(tmp_path):
    out = tmp_path / "out"
    with output_directory(out, overwrite=False) as work:
        with (
            pytest.raises(AuditError, match="another audit"),
            output_directory(out, overwrite=False),
        ):
            pass
        assert (work / "lock").is_file()


def test_overwriting_clears_the_bundle_and_nothing_else(tmp_path):
    for name in ("manifest.json", "evidence.json", "notes.txt"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(UsageError, match="finished"), output_directory(tmp_path, overwrite=False):
        pass
    with output_directory(tmp_path, overwrite=True):
        assert {p.name for p in tmp_path.iterdir()} == {"notes.txt", WORK}
