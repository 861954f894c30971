"""What is left of an audit that stopped: its rows if there are any, else nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.commands._output import (
    NEW,
    WORK,
    install,
    keeping_earlier,
    output_directory,
)
from gatekeeper.errors import AuditError, UsageError
from gatekeeper.evidence.trial_store import STORE, StoredReply, TrialStore
from gatekeeper.records.bundle_files import BUNDLE_FILES


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


def test_weights_that_were_laid_on_disk_do_not_stay(tmp_path):
    out = tmp_path / "out"
    with (
        pytest.raises(KeyboardInterrupt),
        output_directory(out, overwrite=False) as work,
        TrialStore(work / STORE) as store,
    ):
        store.put([StoredReply(key="0", text="x", ids=(1,), truncated=False)])
        (work / "offload").mkdir()
        (work / "offload" / "layers.0.weight.dat").write_bytes(b"0" * 64)
        raise KeyboardInterrupt
    assert {path.name for path in (out / WORK).iterdir()} == {"lock", STORE}


def test_an_audit_at_work_keeps_its_directory_from_another(tmp_path):
    out = tmp_path / "out"
    with output_directory(out, overwrite=False) as work:
        with (
            pytest.raises(AuditError, match="another audit"),
            output_directory(out, overwrite=False),
        ):
            pass
        assert (work / "lock").is_file()


@pytest.fixture
def finished(tmp_path):
    """A finished gate with its verdict and reports, and a note of the user's."""
    for name in ("verdict.json", "policy.yaml", "report.pdf", "junit.xml", "notes.txt"):
        (tmp_path / name).write_text("old")
    (tmp_path / "evidence").mkdir()
    for name in BUNDLE_FILES:
        (tmp_path / "evidence" / name).write_text("old")
    return tmp_path


def new_bundle(work):
    (work / NEW).mkdir()
    for name in BUNDLE_FILES:
        (work / NEW / name).write_text("new")
    return work / NEW


def files(out):
    return {p.relative_to(out).as_posix(): p.read_text() for p in out.rglob("*") if p.is_file()}


def test_a_finished_audit_is_not_replaced_unasked(finished):
    before = files(finished)
    with pytest.raises(UsageError, match="finished"), output_directory(finished, overwrite=False):
        pass
    (finished / WORK).mkdir()
    with pytest.raises(UsageError, match="finished"), output_directory(finished, overwrite=False):
        pass
    assert files(finished) == before


@pytest.mark.parametrize("rows", [0, 3])
def test_a_stopped_overwrite_leaves_the_finished_audit_as_it_was(finished, rows):
    before = files(finished)
    stop(finished, rows=rows, overwrite=True)
    assert files_kept(finished) == before
    assert (finished / WORK).exists() == bool(rows)


def files_kept(out):
    kept = {}
    for path in out.rglob("*"):
        if path.is_file() and WORK not in path.parts:
            kept[path.relative_to(out).as_posix()] = path.read_text()
    return kept


def test_errors_say_that_the_earlier_audit_is_untouched(finished, tmp_path):
    with pytest.raises(AuditError) as caught, keeping_earlier(finished):
        raise AuditError("x")
    assert "untouched" in caught.value.__notes__[0]
    with pytest.raises(AuditError) as caught, keeping_earlier(tmp_path / "other"):
        raise AuditError("x")
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(AuditError) as caught, keeping_earlier(finished):
        (finished / "evidence" / "manifest.json").unlink()
        raise AuditError("x")
    assert not hasattr(caught.value, "__notes__")


def test_new_evidence_takes_old_verdict_and_reports_with_it_and_nothing_else(finished):
    with output_directory(finished, overwrite=True) as work:
        install(new_bundle(work), finished / "evidence", finished)
    assert files(finished) == {
        "notes.txt": "old",
        **{f"evidence/{name}": "new" for name in BUNDLE_FILES},
    }


def test_an_audit_over_a_gate_leaves_no_second_bundle(finished):
    with output_directory(finished, overwrite=True) as work:
        install(new_bundle(work), finished, finished)
    assert files(finished) == {"notes.txt": "old", **dict.fromkeys(BUNDLE_FILES, "new")}
    assert not (finished / "evidence").exists()


@pytest.mark.parametrize("failing", range(5))
def test_stopped_while_replacing_it_looks_like_no_result(finished, monkeypatch, failing):
    calls = []
    replace = Path.replace

    def stopping(self, target):
        calls.append(target)
        if len(calls) > failing:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stopping)
    with (
        pytest.raises(KeyboardInterrupt),
        output_directory(finished, overwrite=True) as work,
        TrialStore(work / STORE) as store,
    ):
        store.put([StoredReply(key="a", text="x", ids=(1,), truncated=False)])
        install(new_bundle(work), finished / "evidence", finished)
    monkeypatch.undo()
    assert not (finished / "verdict.json").exists()
    assert not (finished / "evidence" / "manifest.json").exists()
    (finished / "notes.txt").unlink()
    with output_directory(finished, overwrite=True) as work:
        install(new_bundle(work), finished / "evidence", finished)
    assert files(finished) == {f"evidence/{name}": "new" for name in BUNDLE_FILES}


def test_other_files_beside_a_work_directory_are_not_ours(tmp_path):
    stop(tmp_path / "out", rows=1)
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with (
            pytest.raises(UsageError, match="not empty"),
            output_directory(tmp_path / "out", overwrite=overwrite),
        ):
            pass


def test_a_directory_that_only_bears_the_name_is_not_removed(finished):
    (finished / WORK).mkdir()
    (finished / WORK / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError), output_directory(finished, overwrite=True):
        pass
    assert (finished / WORK / "thesis.txt").is_file()


def test_a_file_on_the_way_is_wrong_usage(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UsageError, match="not a directory"),
        output_directory(tmp_path / "file" / "out", overwrite=False),
    ):
        pass
