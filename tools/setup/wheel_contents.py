"""Fails unless a wheel holds the shipped data that the package needs at run time.

    python wheel_contents.py WHEEL

Every file of the checkout's data folders must be there, and each folder must hold something.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("policies", "report_templates", "demo", "suites")


def missing_data(names: set[str], root: Path = _ROOT) -> list[str]:
    """What a wheel with these file names lacks, as messages; empty if nothing."""
    problems = []
    for folder in _FOLDERS:
        files = _data_files(root, folder)
        if not files:
            problems.append(f"the checkout's {folder}/ is empty")
        problems += [f for f in files if f"gatekeeper/_bundled/{f}" not in names]
    package = (p.relative_to(root).as_posix() for p in (root / "gatekeeper").rglob("*.json"))
    problems += [f for f in package if f not in names]
    return problems


def _data_files(root: Path, folder: str) -> list[str]:
    """Files below `folder`, relative to `root`."""
    files = (p for p in (root / folder).rglob("*") if p.is_file() and p.suffix != ".pyc")
    return [p.relative_to(root).as_posix() for p in files]


def main() -> int:
    """Check the wheel named on the command line."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        problems = missing_data(set(wheel.namelist()))
    for problem in problems:
        print(f"wheel lacks {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
