"""Reads a bundle's files, plain files of its directory only; lists what else lies there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path

from gatekeeper.errors import EvidenceError
from gatekeeper.pointers import refuse_pointer_file

#: What names may be as long as on every common file system.
_LONGEST = 255


def is_plain_name(name: object) -> bool:
    """Whether a manifest may give this as a file's name: printable, visible, without a folder."""
    return (
        isinstance(name, str)
        and 0 < len(name.encode("utf-8", "replace")) <= _LONGEST
        and name.isprintable()
        and not name.startswith(".")
        and not set(name) & {"/", "\\"}
    )


def open_member(folder: Path, name: str) -> BufferedReader:
    """A file of a bundle, opened.

    Raises:
        EvidenceError: it is missing, no plain file, or a link to a place outside the bundle.
        OSError: it cannot be read.
    """
    path = folder / name
    if path.is_symlink() and not _inside(folder, path):
        raise EvidenceError(
            "a link that leads out of the bundle, or nowhere",
            where=str(path),
            remedy="copy the bundle with its files, not with links to them",
        )
    # A pipe in its place would make the reader wait for ever.
    if not path.is_file():
        raise EvidenceError(
            "not a plain file"
            if path.exists() and not path.is_dir()
            else "missing from the bundle",
            where=str(path),
            remedy="give a finished bundle; an interrupted audit goes on when run again",
        )
    refuse_pointer_file(path, str(path), EvidenceError)
    return path.open("rb")


def member_bytes(folder: Path, name: str, most: int) -> bytes:
    """The content of a file of a bundle; raises as `open_member` does.

    Args:
        most: bytes that such a file may have.

    Raises:
        EvidenceError: it has more.
    """
    with open_member(folder, name) as file:
        # Not `read(most)` without a look, which would ask for so much memory at once.
        size = os.fstat(file.fileno()).st_size
        data = b"" if size > most else file.read(size + 1)
    if max(size, len(data)) > most:
        raise EvidenceError(f"larger than {most >> 20} MiB", where=str(folder / name))
    return data


def member_sha256(folder: Path, name: str) -> str:
    """Hex digest of a file of a bundle, read in pieces; raises as `open_member` does."""
    with open_member(folder, name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _inside(folder: Path, link: Path) -> bool:
    try:
        return link.resolve(strict=True).parent == folder.resolve(strict=True)
    except (OSError, RuntimeError):  # a loop of links, by the version of Python
        return False


def strangers(folder: Path, known: Iterable[str]) -> tuple[str, ...]:
    """Names in the bundle's directory that its manifest does not vouch for, sorted."""
    return tuple(sorted({path.name for path in folder.iterdir()} - set(known)))
