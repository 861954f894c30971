"""[tool.gatekeeper] of pyproject.toml: read as what is typed, refused by file and key."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.commands._project_settings import project_settings
from gatekeeper.errors import UsageError
from tests.e2e.cli import DEMO_POLICY


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(text: str) -> None:
    Path("pyproject.toml").write_text(f"[tool.gatekeeper.{text}", encoding="utf-8")


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, 'a = "\xff', "a = \0"])
def test_settings_that_are_no_toml(tmp_path, monkeypatch, capsys, text) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    assert run(["catalog"]) == 2
    assert "pyproject.toml: not valid TOML" in capsys.readouterr().err


def test_a_file_without_end_is_refused(tmp_path, monkeypatch, capsys) -> None:
    with (tmp_path / "pyproject.toml").open("wb") as file:
        file.truncate(1 << 40)
    assert run(["catalog"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pyproject.toml: larger than 1 MB →" in line


@pytest.mark.parametrize("part", ["a", "'a b'", '"a.b" ', "\ta"])
@pytest.mark.parametrize("around", ["{}1 = 1", "[{}b]", "[[{}b]]", "x = {{ {}b = 1 }}"])
def test_a_key_of_very_many_parts(tmp_path, capsys, part, around) -> None:
    key = f"{part}." * (900_000 // (len(part) + 1))
    (tmp_path / "pyproject.toml").write_text(around.format(key))
    began = time.monotonic()
    assert run(["catalog"]) == 2
    assert time.monotonic() - began < 10
    (line,) = capsys.readouterr().err.splitlines()
    assert "pyproject.toml: not valid TOML: a key has more than 100 parts →" in line


@pytest.mark.parametrize(
    "text",
    [
        "x = '" + "w" * 900_000 + "'",
        "x = [" + "'lamp==1.2.3', " * 900 + "]",
        "x = '" + "Rub the lamp. " * 900 + "'",
        "a." * 90 + "b = 1",
    ],
)
def test_long_lines_of_other_projects(tmp_path, text) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert run(["catalog"]) == 0


@pytest.mark.parametrize("text", ["tool = 1", "tool = []"])
def test_another_projects_settings_are_none_of_ours(tmp_path, monkeypatch, text) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run(["catalog"]) == 0


@pytest.mark.parametrize(
    ("text", "key", "told"),
    [
        ("policy]\nlint = 3", "[tool.gatekeeper.policy] lint", "is a command"),
        ("suite.lint]\nstict = true", "[tool.gatekeeper.suite.lint]", "did you mean strict?"),
        ("run]\nxyzzy = 1", "[tool.gatekeeper.run]", "see `gatekeeper run --help`"),
        ("run]\npolicy_path = [1]", "[tool.gatekeeper.run] policy_path", "not text or a number"),
        ("inspect]\ndigest = [1]", "[tool.gatekeeper.inspect] digest", "not true or false"),
        ("run]\ndigest = {a = 1}", "[tool.gatekeeper.run]", "unknown option 'digest'"),
        ('run]\npolicy = "a\\u0000"', "[tool.gatekeeper.run] policy", "NUL"),
        ("run]\nseed = 1.5", "[tool.gatekeeper.run] seed", "not a valid integer"),
        ("run]\nseed = 2026-01-01", "[tool.gatekeeper.run] seed", "not text or a number"),
        ("run]\nseed = 0x" + "f" * 5000, "seed", "a number of thousands of digits"),
        ("run]\nk = [0x" + "f" * 5000 + "]", "k", "a number of thousands of digits"),
        ("run]\nseed = [0x" + "f" * 5000 + "]", "seed", "a number of thousands of digits"),
        ("inspect]\ndigest = 0x" + "f" * 5000, "digest", "not true or false"),
        ("run]\nreasoning = 'x'", "[tool.gatekeeper.run] reasoning", "Takes 2 values"),
        ("run]\npolicy = 'a'\npolicy-path = 'b'", "'policy-path'", "under two names"),
    ],
)
def test_what_is_wrong_is_named(
    text: str, key: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(text)
    assert run(["catalog"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gatekeeper: error: pyproject.toml: [tool.gatekeeper")
    assert key in line
    assert told in line
    assert "→" in line


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("run]\npolicy = 'a.yaml'", {"run": {"policy_path": "a.yaml"}}),
        ("run]\npolicy_path = 'a.yaml'", {"run": {"policy_path": "a.yaml"}}),
        ("run]\ncross-fit = false\nk = 2", {"run": {"cross_fit": False, "ks": ["2"]}}),
        ("suite.lint]\njson = true", {"suite": {"lint": {"as_json": True}}}),
    ],
)
def test_an_option_goes_by_each_of_its_names(text: str, read: object) -> None:
    put(text)
    assert project_settings() == read


def test_what_is_set_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    put(f"policy.lint]\nfiles = ['{DEMO_POLICY}']")
    assert run(["policy", "lint"]) == 0
    put("policy.lint]\nfiles = ['nowhere.yaml']")
    assert run(["policy", "lint"]) == 2
    assert run(["policy", "lint", str(DEMO_POLICY)]) == 0  # what is typed wins


def test_settings_of_no_table_are_refused() -> None:
    Path("pyproject.toml").write_text("[tool]\ngatekeeper = 3")
    with pytest.raises(UsageError, match="not a table"):
        project_settings()


def test_a_value_nested_beyond_what_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    put("check]\npolicy = " + "{a = " * 150 + "1" + "}" * 150)
    assert run(["catalog"]) == 2
    assert "not text or a number" in capsys.readouterr().err
