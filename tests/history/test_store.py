"""A history keeps what is added, refuses what does not verify, and is never half written."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gatekeeper.commands import _history_add
from gatekeeper.errors import UsageError
from gatekeeper.evidence import bundle as bundles
from gatekeeper.history import store
from gatekeeper.history.expired import expired, since
from gatekeeper.history.store import History
from gatekeeper.policy.recalled import Memory
from gatekeeper.records.evidence import Evidence

from ..policy.builders import safe
from .made import output, told


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    output(folder / "bad", model="one")
    output(folder / "good", safe, model="two")
    return folder


@pytest.fixture(scope="module")
def filled(made, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "audits"
    assert run_add(made, folder) == 0
    return folder


@pytest.fixture
def audits(filled, tmp_path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "audits"))


def run_add(made: Path, folder: Path) -> int:
    from gatekeeper.cli import run

    return run(["history", "add", str(made / "bad"), str(made / "good"), "--to", str(folder)])


def entries(folder: Path):
    with History(folder) as kept:
        return kept.entries()


def test_what_is_added_is_listed_and_shown(audits, capsys):
    code, out, _ = told(capsys, "history", "list", audits)
    assert code == 0
    assert out.splitlines()[-1] == "bundles: 2"
    assert "failed" in out
    for entry in entries(audits):
        assert (audits / "bundles" / entry.digest[7:] / "evidence" / "trials.jsonl.gz").is_file()
        assert (audits / "bundles" / entry.digest[7:] / "policy.yaml").is_file()
        code, out, _ = told(capsys, "history", "show", audits, entry.short[:8])
        assert code == 0
        assert entry.checkpoint in out


def test_adding_twice_says_so_and_changes_only_the_label(audits, made, capsys):
    command = ("history", "add", made / "bad", "--to", audits)
    code, out, _ = told(capsys, *command)
    assert code == 0
    assert out.startswith("already in the history: ")
    told(capsys, *command, "--label", "bad")
    assert sorted(entry.label for entry in entries(audits)) == ["", "bad"]


def test_what_does_not_verify_is_named_and_the_rest_is_added(made, tmp_path, capsys):
    forged = Path(shutil.copytree(made / "bad", tmp_path / "forged"))
    verdict = forged / "verdict.json"
    verdict.write_bytes(verdict.read_bytes().replace(b'"result":"fail"', b'"result":"pass"'))
    command = ("history", "add", forged, made / "good", "--to", tmp_path / "audits")
    code, out, err = told(capsys, *command)
    assert code == 12
    assert err.count("not added: ") == 1
    assert "verdict.json" in err
    assert out.startswith("added: ")
    assert len(entries(tmp_path / "audits")) == 1


def test_a_broken_bundle_is_named_and_the_others_are_served(audits, capsys):
    broken, fine = entries(audits)
    path = audits / "bundles" / broken.digest[7:] / "evidence" / "run.json"
    path.write_bytes(path.read_bytes() + b" ")
    code, out, _ = told(capsys, "history", "list", audits)
    assert code == 0
    assert [("BROKEN" in line) for line in out.splitlines()[:2]] == [True, False]
    code, _, err = told(capsys, "history", "show", audits, broken.short)
    assert code == 12
    assert "run.json was altered" in err
    assert told(capsys, "history", "show", audits, fine.short)[0] == 0


def test_files_that_were_only_touched_are_not_broken(audits, capsys):
    for path in audits.rglob("*.json"):
        os.utime(path)
    assert "broken" not in told(capsys, "history", "list", audits)[1]


def test_an_index_is_made_again_from_the_bundles(audits, capsys):
    before = entries(audits)
    (audits / "index.sqlite").unlink()
    code, *_ = told(capsys, "history", "add", *(audits / "bundles").iterdir(), "--to", audits)
    assert code == 0
    assert [(e.digest, e.brief, e.model) for e in entries(audits)] == [
        (e.digest, e.brief, e.model) for e in before
    ]


def test_somebody_else_is_writing(audits, made, capsys, monkeypatch):
    monkeypatch.setattr(store, "_PATIENCE", 0.05)
    other = sqlite3.connect(audits / "index.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    short = entries(audits)[0].short  # reading goes on
    code, _, err = told(capsys, "history", "label", audits, short, "good")
    assert code == 2
    assert "somebody else is writing" in err
    other.execute("ROLLBACK")
    other.close()
    assert told(capsys, "history", "label", audits, short, "good")[0] == 0
    assert sum(entry.label == "good" for entry in entries(audits)) == 1


def test_a_write_that_fails_leaves_nothing_behind(audits):
    with History(audits, write=True) as kept:
        first = kept.entries()[0]
        with pytest.raises(ZeroDivisionError):
            kept.remember("code", ((entry, {"x": 1 // 0}) for entry in [first.digest]))
        assert kept.answers(first.digest, "code") == {}
        kept.label(first, "good")  # and no lock is left
        assert kept.entries()[0].label == "good"


def test_a_history_that_may_only_be_read(audits, made, capsys, monkeypatch):
    monkeypatch.setattr(store, "may_write", lambda _: False)  # tests may run as root
    assert told(capsys, "history", "list", audits)[0] == 0
    code, _, err = told(capsys, "history", "add", made / "bad", "--to", audits)
    assert code == 2
    assert "may only be read" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"no database" * 200])
def test_an_index_that_is_none(audits, content, capsys):
    (audits / "index.sqlite").write_bytes(content)
    code, _, err = told(capsys, "history", "list", audits)
    assert code == 2
    assert "index" in err
    assert "Traceback" not in err


def test_a_row_that_is_none_of_ours(audits, capsys):
    with sqlite3.connect(audits / "index.sqlite") as db:
        db.execute("UPDATE bundles SET brief = '[]'")
    code, _, err = told(capsys, "history", "list", audits)
    assert code == 2
    assert "index.sqlite" in err


def test_no_history(tmp_path, capsys):
    code, _, err = told(capsys, "history", "list", tmp_path / "none")
    assert code == 2
    assert "no history" in err
    assert not (tmp_path / "none").exists()


def test_a_digest_that_no_bundle_has(audits, capsys):
    for digest, word in (("zz", "no bundle"), ("", "no bundle")):
        code, _, err = told(capsys, "history", "show", audits, digest)
        assert code == 2
        assert word in err


def test_links_instead_of_copies(made, tmp_path, capsys):
    folder = tmp_path / "audits"
    assert told(capsys, "history", "add", made / "good", "--to", folder, "--link")[0] == 0
    assert (made / "good" / "verdict.json").stat().st_nlink == 2


def test_old_ones_go_but_never_the_only_one(audits, capsys):
    with sqlite3.connect(audits / "index.sqlite") as db:
        db.execute("UPDATE bundles SET finished = '2020-01-02', model = 'm'")
        (first,) = db.execute("SELECT min(digest) FROM bundles").fetchone()
        db.execute("UPDATE bundles SET finished = '2020-01-01' WHERE digest = ?", (first,))
    command = ("history", "gc", audits, "--older-than", "2y")
    code, out, _ = told(capsys, *command, "--dry-run")
    assert code == 0
    assert out.startswith("would remove: ")
    assert len(entries(audits)) == 2
    assert told(capsys, *command, "--keep-last", "2")[1].startswith("0 of audits")
    told(capsys, *command)
    assert [e.finished for e in entries(audits)] == [date(2020, 1, 2)]
    assert len([*(audits / "bundles").iterdir()]) == 1
    assert told(capsys, *command)[1].startswith("0 of audits")


def test_how_long_ago():
    today = date(2026, 3, 31)
    days = {age: str(since(age, today)) for age in ("2y", "1m", "2w", "90d", "13m")}
    assert days == {
        "2y": "2024-03-31",
        "1m": "2026-02-28",
        "2w": "2026-03-17",
        "90d": "2025-12-31",
        "13m": "2025-02-28",
    }
    assert since("9999y", today) == since("9999m", date(2, 1, 1)) == date.min
    for age in ("", "2", "0d", "-1y", "two years", "1y2m"):
        with pytest.raises(UsageError):
            since(age, today)


def test_of_each_model_some_stay(audits):
    assert expired(entries(audits), date.max, 1) == []  # two models here
    assert expired(entries(audits), date.max, 0) == []


def test_none_may_stay_is_refused(audits, capsys):
    code, _, err = told(capsys, "history", "gc", audits, "--older-than", "1d", "--keep-last", "0")
    assert code == 2
    assert "--keep-last" in err


def test_a_change_that_a_kill_left_half_written_is_undone_by_whoever_reads(
    audits, tmp_path, capsys
):
    labels = [entry.label for entry in entries(audits)]
    killed = tmp_path / "killed"
    with sqlite3.connect(audits / "index.sqlite", isolation_level=None) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE bundles SET label = hex(zeroblob(200000))")  # more than the cache
        shutil.copytree(audits, killed)
        writer.execute("ROLLBACK")
    writer.close()
    assert (killed / "index.sqlite-journal").stat().st_size > 0
    code, out, err = told(capsys, "history", "list", killed)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "bundles: 2"
    assert [entry.label for entry in entries(killed)] == labels


def test_a_misspelt_verdict_is_no_empty_list(audits, capsys):
    code, out, err = told(capsys, "history", "list", audits, "--verdict", "pasd")
    assert (code, out) == (2, "")
    assert "did you mean passed?" in err


def test_a_bundle_is_read_once_when_it_is_added(made, tmp_path, monkeypatch, capsys):
    """And asked nothing twice: what its verdict asks is kept from when that was verified."""
    read, asked = list[Path](), list[tuple[int, str]]()
    whole, answer = bundles.read_bundle, Memory.ask

    def reading(path: Path) -> Evidence:
        read.append(path)
        return whole(path)

    def asking(memory: Memory, question: str, make: Callable[[], object]) -> object:
        def made_() -> object:
            asked.append((id(memory), question))
            return make()

        return answer(memory, question, made_)

    for module in (bundles, _history_add):
        monkeypatch.setattr(module, "read_bundle", reading)
    monkeypatch.setattr(Memory, "ask", asking)
    assert told(capsys, "history", "add", made / "good", "--to", tmp_path / "audits")[0] == 0
    assert read == [made / "good" / "evidence"]
    assert asked
    assert len(set(asked)) == len(asked)
