"""`gatekeeper doctor`: says what is there, and fails only where an audit would."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.engine import machine
from gatekeeper.engine.machine import PINNED, Check, checks

ROOT = Path(__file__).resolve().parents[2]


def replaced(**changes: bool) -> Callable[[Path], tuple[Check, ...]]:
    """Checks in which those needed for something are ok or not."""
    rows = tuple(
        Check(name=f"x-{need}", ok=ok, found="f", needed_for=need, remedy="do this")
        for need, ok in ({"audit": True, "pdf": True, "speed": True} | changes).items()
    )
    return lambda _folder: rows


def test_the_versions_are_those_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = project["optional-dependencies"]["audit"]
    assert f"torch=={PINNED['torch']}" in required
    assert any(r.startswith(f"transformers>={PINNED['transformers']},") for r in required)


def test_every_line_that_is_not_ok_has_a_remedy(tmp_path: Path) -> None:
    found = checks(tmp_path)
    assert {"python", "torch", "transformers", "disk", "harfbuzz-subset"} <= {c.name for c in found}
    assert all(c.remedy or c.ok for c in found)
    assert {c.needed_for for c in found} == {"audit", "pdf", "speed"}


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({}, 0, "audit: possible here, PDF reports: possible here"),
        ({"pdf": False}, 0, "PDF reports: not possible here"),
        ({"speed": False}, 0, "note     x-speed"),
        ({"audit": False}, 3, "missing  x-audit"),
    ],
)
def test_the_exit_code_is_about_the_audit(
    changes: dict[str, bool],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(machine, "checks", replaced(**changes))
    assert run(["doctor"]) == code
    out = capsys.readouterr().out
    assert said in out
    assert ("→ do this" in out) == bool(changes)


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "checks", replaced(audit=False))
    assert run(["doctor", "--json"]) == 3
    result = json.loads(capsys.readouterr().out)
    assert (result["schema"], result["can_audit"]) == ("gatekeeper/doctor/v1", False)
    assert [c["remedy"] for c in result["checks"]] == ["do this", None, None]


@pytest.mark.parametrize(
    ("version", "pinned", "within"),
    [
        ("2.13.0+cpu", "2.13.0", True),
        ("2.13.0", "2.13.0", True),
        ("2.13.1", "2.13.0", False),
        ("5.23.4", "5.23", True),
        ("5.230.0", "5.23", False),
        ("5.24.0", "5.23", False),
        ("5", "5.23", False),
    ],
)
def test_versions_are_compared_by_number(version: str, pinned: str, within: bool) -> None:
    assert machine._within(version, pinned) == within


def test_a_missing_package_and_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PINNED, "no-such-package", "1")
    package = machine._package("no-such-package")
    assert (package.ok, package.found) == (False, "not installed")
    library = machine._library("no-such", "libno-such.so.0", "libno-such0")
    assert (library.ok, library.remedy) == (
        False,
        "apt-get install libno-such0 (macOS: brew install pango)",
    )
