"""Errors of the machine, wherever they come up: one line, what it is, and exit code 3."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import click
import pytest
from tokenizers import Tokenizer

from gatekeeper import catalog
from gatekeeper.cli import run


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "not enough memory → "),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "not enough memory → "),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), "not enough memory → "),
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG), "out/x"), "out/x: a limit of file size"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/x"), "out/x: disk full"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "the disk fails"),
    ],
)
def test_a_machine_that_has_no_more(
    error: BaseException,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setattr(
        catalog, "load", lambda *_: click.Command("demo", callback=fails, params=[])
    )
    assert run(["demo"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"gatekeeper: error: {told}")
    assert "permissions" not in line


def test_a_panic_of_a_library_is_one_line(monkeypatch, capsys):
    """Libraries in Rust end by what is no Exception."""
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"}
    words = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    parts = {"pre_tokenizer": {**split, "invert": False}, "model": words, "added_tokens": []}
    tokenizer = Tokenizer.from_str(json.dumps({"version": "1.0", **parts}))
    fails = click.Command("demo", callback=lambda: tokenizer.encode("a" * 40 + "b"), params=[])
    monkeypatch.setattr(catalog, "load", lambda *_: fails)
    assert run(["demo"]) == 3
    assert "gatekeeper: error: a library gave up: Onig" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
@pytest.mark.parametrize(("name", "kept"), [("run", True), ("check", False), ("report", False)])
def test_only_what_keeps_its_work_says_so(error, name, kept, monkeypatch, capsys):
    def fails() -> None:
        raise error

    monkeypatch.setattr(catalog, "load", lambda *_: click.Command(name, callback=fails, params=[]))
    assert run([name]) == 3
    told = capsys.readouterr().err
    assert "run the same command again" in told
    assert ("what was computed is kept" in told) == kept


@pytest.mark.parametrize("line", [[name] for name in catalog.names("command")] + [["--help"]])
def test_a_working_directory_that_was_removed_is_told(line, tmp_path):
    """Relative paths lead nowhere, and torch would end the process without a word."""
    place = tmp_path / "gone"
    place.mkdir()
    begin = f"import os, sys; os.rmdir({str(place)!r}); from gatekeeper.cli import main; "
    begin += f"sys.argv = ['gatekeeper', *{line!r}]; main()"
    done = subprocess.run(
        [sys.executable, "-c", begin], cwd=place, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "gatekeeper: error: the working directory was removed → change to one that is there"
    ]


@pytest.mark.parametrize("line", [[], ["judge"], ["policy"], ["suite"]])
def test_a_group_without_a_command_shows_its_help(line, capsys):
    assert run(line) == 2
    alone = capsys.readouterr()
    assert run([*line, "--help"]) == 0
    assert alone.out == capsys.readouterr().out
    assert alone.out.startswith("Usage: ")
    assert "\nCommands:\n" in alone.out
    assert alone.err == ""
