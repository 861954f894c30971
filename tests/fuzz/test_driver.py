"""The fuzzers' driver notices what it is for."""

from __future__ import annotations

import random

import pytest

from gatekeeper import cli
from gatekeeper.errors import ExitCode
from tests.fuzz import driver


def test_a_case_can_be_made_again() -> None:
    raw = b'{"a": 12, "b": [3, 4]}\n' * 9
    made = [driver.damaged(raw, random.Random(n), (raw,)) for n in range(300)]
    assert made == [driver.damaged(raw, random.Random(n), (raw,)) for n in range(300)]
    assert len(set(made)) > 250


def test_what_passes_through_the_command_line_is_a_failure(monkeypatch) -> None:
    def broken(**_: object) -> int:
        raise KeyError("abc")

    monkeypatch.setattr(cli.cli, "main", broken)
    with pytest.raises(AssertionError, match="KeyError: 'abc'"):
        driver.command("catalog")
    monkeypatch.setattr(cli.cli, "main", lambda **_: ExitCode.BUG)
    with pytest.raises(AssertionError, match="code=1"):
        driver.command("catalog")


def test_a_failure_names_its_case() -> None:
    def check(_which: str, _data: bytes) -> int:
        raise AssertionError("why")

    with pytest.raises(AssertionError, match=f"self, case {driver.START}: a: why"):
        driver.fuzz("self", {"a": b"x"}, check)


def test_a_case_without_end_is_a_failure(monkeypatch) -> None:
    def check(_which: str, _data: bytes) -> int:
        while True:
            pass

    monkeypatch.setattr(driver, "SLOW", 0.2)
    with pytest.raises(AssertionError, match=r"takes more than"):
        driver.fuzz("self", {"a": b"x"}, check)


def test_a_good_command_is_none() -> None:
    assert driver.command("suite", "lint", "no-such-thing").code == ExitCode.USAGE
    assert driver.fuzz("self", {"a": b"x"}, lambda *_: 0, seconds=0.01).cases
