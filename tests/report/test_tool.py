"""The name of the program in a report: another for each change of what the report depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper import __version__
from gatekeeper.report.tool import files_digest, tool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sections").mkdir()
    (tmp_path / "page.html").write_text("one", encoding="utf-8")
    (tmp_path / "sections" / "rules.html").write_text("two", encoding="utf-8")
    return tmp_path


def test_the_name_holds_version_and_digest() -> None:
    name = tool()
    assert name.startswith(f"moe-gatekeeper {__version__} (")
    assert tool() == name


def test_a_changed_word_is_another_program(folder: Path) -> None:
    before = files_digest(folder)
    (folder / "sections" / "rules.html").write_text("two.", encoding="utf-8")
    assert files_digest(folder) != before


def test_a_renamed_file_is_another_program(folder: Path) -> None:
    before = files_digest(folder)
    (folder / "page.html").rename(folder / "sheet.html")
    assert files_digest(folder) != before


def test_words_moved_from_file_to_file_are_another_program(folder: Path) -> None:
    before = files_digest(folder)
    (folder / "page.html").write_text("on", encoding="utf-8")
    (folder / "sections" / "rules.html").write_text("etwo", encoding="utf-8")
    assert files_digest(folder) != before


@pytest.mark.parametrize("name", ["__pycache__", "_bundled"])
def test_compiled_modules_and_the_data_of_a_wheel_change_nothing(folder: Path, name: str) -> None:
    before = files_digest(folder)
    (folder / name).mkdir()
    (folder / name / "rules.cpython-311.pyc").write_bytes(b"0")
    assert files_digest(folder) == before
