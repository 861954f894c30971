"""What a remote judge answered and cost, on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.commands._output import is_work
from gatekeeper.errors import AuditError
from gatekeeper.evidence.judge_store import JUDGE_STORE, JudgeStore


def test_it_outlives_its_session(tmp_path: Path) -> None:
    store = JudgeStore(tmp_path / JUDGE_STORE)
    assert (store.get("k"), store.spent) == (None, 0.0)
    store.put("k", "refuse")
    store.put("k", "comply")
    store.spend(0.5)
    store.spend(-0.25)
    again = JudgeStore(tmp_path / JUDGE_STORE)
    assert (again.get("k"), again.spent) == ("comply", 0.25)


def test_in_memory_nothing_is_left(tmp_path: Path) -> None:
    store = JudgeStore(None)
    store.put("k", "refuse")
    assert store.get("k") == "refuse"
    assert JudgeStore(None).get("k") is None
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_audit_with_one_can_go_on(tmp_path: Path) -> None:
    JudgeStore(tmp_path / JUDGE_STORE)
    (tmp_path / f"{JUDGE_STORE}-journal").touch()
    assert is_work(tmp_path)
    (tmp_path / "mine.txt").touch()
    assert not is_work(tmp_path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot use the store"):
        JudgeStore(tmp_path / "gone" / JUDGE_STORE)
