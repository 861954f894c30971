"""The name under which reports say what made them: version, and a digest of what they depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import gatekeeper
from gatekeeper.bundled import bundled

_SHIPPED = "_bundled"
_DIGITS = 12


@cache
def tool() -> str:
    """Name and version of this program, with a digest of its own files and templates.

    A report is made again, and compared with the one that lies there, only by the very program that
    made it: between two releases, and between two commits of one version, wording and layout
    change, and a comparison would call an honest report forged. An installed wheel and a checkout
    of the same commit have the same name.

    Returns:
        Such as `moe-gatekeeper 0.1.0 (5f0c2d9a41be)`.
    """
    package = Path(gatekeeper.__file__).resolve().parent
    frames = bundled("policies") / "frames"  # what the regulatory annex is made from
    digest = files_digest(package, bundled("report_templates"), frames)
    return f"moe-gatekeeper {gatekeeper.__version__} ({digest[:_DIGITS]})"


def files_digest(*folders: Path) -> str:
    """The SHA-256 of all files under some folders, names included; in hexadecimal digits.

    Left out are compiled modules and, as a wheel has them in its package and a checkout beside it,
    the shipped data.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for name, path in sorted(_files(folder)):
            data = path.read_bytes()
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if not {"__pycache__", _SHIPPED} & set(name.parts) and path.is_file():
            yield name.as_posix(), path
