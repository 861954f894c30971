"""The shell scripts behind `make`, with stand-ins for what would change this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "tools/setup"


class Stubs:
    """A folder of stand-in commands, the only thing on PATH besides the system's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.log = folder.parent / "log"
        self.log.write_text("")

    def add(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self.log}"\n{script}\n')
        path.chmod(0o755)

    def run(self, script: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self.folder}:/usr/bin:/bin", "HOME": str(self.folder), **extra}
        return subprocess.run(
            ["/bin/bash", str(SETUP / script), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def called(self, name: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith(f"{name} ")]


@pytest.fixture
def stubs(tmp_path: Path) -> Stubs:
    return Stubs(tmp_path / "bin")


def test_a_python_that_does_not_run_or_is_too_old_is_passed_over(stubs: Stubs) -> None:
    stubs.add("python3.11", "echo 'pyenv: python3.11: command not found' >&2; exit 127")
    stubs.add("python3.12", "exit 1")  # what the probe answers on an old Python
    stubs.add("python3.13", f'exec "{sys.executable}" "$@"')
    done = stubs.run("python.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(done.stdout.strip()).name.startswith("python")
    assert len(stubs.called("python3.11")) == len(stubs.called("python3.12")) == 1


def test_a_python_asked_for_is_not_silently_replaced(stubs: Stubs) -> None:
    stubs.add("python3.12", "exit 127")
    stubs.add("python3.11", f'exec "{sys.executable}" "$@"')
    done = stubs.run("python.sh", PYTHON="python3.12")
    assert (done.returncode, done.stdout) == (3, "")
    assert "python3.12" in done.stderr


def test_an_environment_that_is_linked_to_is_not_emptied(tmp_path: Path) -> None:
    shutil.copytree(SETUP, tmp_path / "clone" / "tools" / "setup")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / "clone")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "kept").write_text("")
    (tmp_path / "clone" / ".venv").symlink_to(tmp_path / "theirs")
    script = str(tmp_path / "clone" / "tools" / "setup" / "setup.sh")
    done = subprocess.run(["/bin/bash", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "remove the link" in done.stderr
    assert (tmp_path / "theirs" / "kept").exists()


def test_no_python_at_all_is_told_with_the_remedy(stubs: Stubs) -> None:
    for name in ("python3.11", "python3.12", "python3.13", "python3"):
        stubs.add(name, "exit 127")
    done = stubs.run("python.sh")
    assert done.returncode == 3
    assert "apt-get install -y python3 python3-venv" in done.stderr


HAVE = "echo 'libpango-1.0.so.0 libpangoft2-1.0.so.0 libharfbuzz-subset.so.0'"


def test_with_everything_there_apt_is_not_called(stubs: Stubs) -> None:
    stubs.add("ldconfig", HAVE)
    stubs.add("pdftotext", "")
    stubs.add("apt-get", "exit 1")
    assert stubs.run("system.sh", "--tests", sys.executable).returncode == 0
    assert stubs.called("apt-get") == []


def test_missing_packages_are_installed_as_root_after_an_update_if_need_be(stubs: Stubs) -> None:
    stubs.add("ldconfig", "echo libpango-1.0.so.0")
    stubs.add("id", "echo 0")
    stubs.add("python3.99", "[[ $* != *ensurepip* ]] && echo 3.99")
    # Installing fails until the lists were fetched, as on a fresh image.
    stubs.add("apt-get", f'[ "$1" = update ] || grep -q "apt-get update" "{stubs.log}"')
    stubs.add("env", 'echo "$1" >>"$HOME/env"; shift; exec "$@"')
    done = stubs.run("system.sh", "python3.99")
    assert done.returncode == 0, done.stderr
    calls = stubs.called("apt-get")
    assert calls[-2] == "apt-get update"
    packages = ["libpangoft2-1.0-0", "libharfbuzz-subset0", "python3.99-venv"]
    assert calls[-1] == "apt-get install -y --no-install-recommends " + " ".join(packages)
    assert (stubs.folder / "env").read_text().split()[-1] == "DEBIAN_FRONTEND=noninteractive"


def test_without_rights_the_line_to_run_is_printed(stubs: Stubs) -> None:
    stubs.add("ldconfig", "")
    stubs.add("id", "echo 1000")
    stubs.add("sudo", "echo 'sudo: a password is required' >&2; exit 1")
    stubs.add("apt-get", "exit 1")
    done = stubs.run("system.sh")
    assert done.returncode == 3
    assert (
        "sudo apt-get update && sudo apt-get install -y "
        "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in done.stderr
    )
    assert stubs.called("apt-get") == []


def test_without_password_sudo_is_used(stubs: Stubs) -> None:
    stubs.add("ldconfig", "")
    stubs.add("id", "echo 1000")
    stubs.add("sudo", 'shift; exec "$@"')
    stubs.add("apt-get", "")
    assert stubs.run("system.sh").returncode == 0
    assert len(stubs.called("apt-get")) >= 1
    assert all(" -n " in call for call in stubs.called("sudo"))


def test_constraints_pin_every_package_exactly_once_and_torch_for_all_builds() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert lines[0].startswith("#")
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", pin) for pin in pins)
    names = [re.sub(r"[-_.]+", "-", pin.split("==")[0]).lower() for pin in pins]
    assert len(names) == len(set(names)) > 50
    assert "torch==2.13.0" in pins
    assert "moe-gatekeeper" not in names


def test_constraints_cover_all_dependencies() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["audit"] + extras["dev"]
    pinned = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    }
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", need)[0]).lower() for need in wanted}
    assert names - pinned == set()


def test_make_help_lists_every_target_a_person_would_call() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    listed = set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.MULTILINE))
    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared is not None
    assert listed == set(declared[1].split())
    assert {"demo", "quick", "test", "test-all", "lint", "clean"} <= listed


def test_quick_runs_folders_that_need_no_torch() -> None:
    done = subprocess.run(
        ["make", "-n", "quick"], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    folders = re.findall(r"tests/\w+", done.stdout)
    assert {"tests/analysis", "tests/policy", "tests/evidence", "tests/verify"} <= set(folders)
    assert '-m "not slow and not thorough"' in done.stdout
    heavy = re.compile(r"^\s*(?:import|from) (?:torch|transformers|tests\.engine)\b", re.MULTILINE)
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 150
    assert [path.name for path in files if heavy.search(path.read_text("utf-8"))] == []


def test_the_coverage_floor_is_held_by_test_all() -> None:
    done = subprocess.run(
        ["make", "-n", "test-all"], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    (floor,) = re.findall(r"--cov-fail-under=(\d+)", done.stdout)
    assert 80 <= int(floor) < 100


def test_scripts_can_be_executed() -> None:
    scripts = [*SETUP.glob("*.sh"), ROOT / ".ci/run"]
    assert [path.name for path in scripts if not os.access(path, os.X_OK)] == []
