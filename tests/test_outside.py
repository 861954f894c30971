"""Output never goes into a checkpoint, by whatever name the place is called."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.outside import refuse_inside_checkpoint

from .e2e.cli import DEMO_POLICY, HARDENED, SUITE
from .fuzz.driver import command


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HARDENED, tmp_path / "candidate"))


def test_every_name_of_a_place_in_a_checkpoint_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "inner").symlink_to(path / "not-there-yet")
    for place in (
        path,
        path / "out",
        path / "out" / "deep",
        path / ".hidden",
        tmp_path / "link" / "out",
        tmp_path / "inner" / "out",
        tmp_path / "none" / ".." / "candidate" / "out",
        Path(os.path.relpath(path)) / "out",
    ):
        with pytest.raises(UsageError, match="lies in a checkpoint"):
            refuse_inside_checkpoint(place)
    monkeypatch.chdir(path)
    with pytest.raises(UsageError, match="lies in a checkpoint"):
        refuse_inside_checkpoint(Path("out"))


def test_places_beside_a_checkpoint_are_free(path: Path, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "out", path / ".." / "out", Path("/")):
        refuse_inside_checkpoint(place)
    (path / "model.safetensors").unlink()  # a folder with a config of somebody's own
    refuse_inside_checkpoint(path / "out")


def test_no_command_writes_there(path: Path) -> None:
    before = sorted(path.rglob("*"))
    audit = (path, "--suite", SUITE, "--out", path / "out", "--max-prompts", "4")
    for arguments in (
        ("audit", *audit),
        ("run", *audit, "--policy", DEMO_POLICY),
        ("suite", "import", SUITE, "--out", path / "suite"),
        ("judge", "calibrate", "--labels", path / "labels.jsonl", "--out", path / "card.json"),
        ("report", path / "evidence", "--policy", DEMO_POLICY),
    ):
        said = command(*arguments)
        assert said.code == 2, (arguments, said)
        assert "lies in a checkpoint" in said.err, (arguments, said)
    assert sorted(path.rglob("*")) == before


def test_a_circle_of_links_is_told_by_every_command(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to("one")
    evidence = tmp_path / "evidence"
    for loop in (tmp_path / "one", tmp_path / "one" / "out"):
        audit = (HARDENED, "--suite", SUITE, "--out", loop, "--max-prompts", "4")
        for arguments in (
            ("audit", *audit),
            ("run", *audit, "--policy", DEMO_POLICY),
            ("suite", "import", SUITE, "--out", loop),
            ("judge", "calibrate", "--labels", tmp_path / "labels.jsonl", "--out", loop),
            ("judge", "label", evidence, "--suite", SUITE, "--out", loop, "--sample"),
            ("report", evidence, "--policy", DEMO_POLICY, "--out", loop),
        ):
            said = command(*arguments)
            assert said.code == 2, (arguments, said)
            assert "circle" in said.err, (arguments, said)
