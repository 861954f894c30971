"""What is in the wheel: all shipped data, no tests, tools or workflows."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gatekeeper.report.tool import tool

ROOT = Path(__file__).resolve().parents[2]
CONTENTS = ROOT / "tools/setup/wheel_contents.py"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built by its own backend without the network."""
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("wheel")
    command = ["build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = out.glob("*.whl")
    return built


def check(wheel: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CONTENTS), str(wheel)], capture_output=True, text=True, timeout=60
    )


def test_the_wheel_holds_the_shipped_data(wheel: Path) -> None:
    done = check(wheel)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wheel_without_a_policy_is_found_out(wheel: Path, tmp_path: Path) -> None:
    poorer = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as full, zipfile.ZipFile(poorer, "w") as less:
        kept = [name for name in full.namelist() if "_bundled/policies/" not in name]
        assert len(kept) < len(full.namelist())
        for name in kept:
            less.writestr(name, full.read(name))
    done = check(poorer)
    assert done.returncode == 1
    assert "lacks policies/" in done.stderr


def test_the_wheel_holds_nothing_of_the_workshop(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        metadata = next(name for name in names if name.endswith("METADATA"))
        needs = file.read(metadata).decode()
    folders = {name.partition("/")[0] for name in names}
    assert {f for f in folders if not f.endswith(".dist-info")} == {"gatekeeper"}
    assert "gatekeeper/py.typed" in names
    assert not [name for name in names if "__pycache__" in name]
    torch = [line for line in needs.splitlines() if line.startswith("Requires-Dist: torch")]
    assert torch
    assert all("; extra ==" in line for line in torch)


def test_reports_of_the_wheel_are_those_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path)
    name = "from gatekeeper.report.tool import tool; print(tool())"
    done = subprocess.run(
        [sys.executable, "-c", name],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )
    assert (done.stdout.strip(), done.stderr) == (tool(), "")
