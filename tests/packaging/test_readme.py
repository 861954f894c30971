"""What the README tells people to paste."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gatekeeper import catalog

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_example_suite_is_a_suite(tmp_path: Path) -> None:
    (script,) = (block for block in BLOCKS if "suite.json" in block)
    shim = tmp_path / "gatekeeper"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m gatekeeper "$@"\n')
    shim.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "prompts  4 from 2 seeds" in done.stdout


LINES = [x for block in BLOCKS for x in block.splitlines() if x.startswith("gatekeeper ")]


@pytest.mark.parametrize("line", LINES)
def test_commands_and_files_of_the_readme_exist(line: str) -> None:
    words = line.partition("#")[0].split()[1:]
    assert words[0] in catalog.names("command")
    for word in words[1:]:
        if word.startswith(("demo/", "policies/", "suites/")):
            assert (ROOT / word).exists(), word
    command = catalog.load("command", words[0])
    if isinstance(command, click.Group):
        command = command.commands[words[1]]
    options = {flag for p in command.params for flag in p.opts}
    assert {word for word in words if word.startswith("-")} <= options
