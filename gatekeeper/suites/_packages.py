"""Data files of other people's packages, read without importing those packages.

From a wheel, a directory that holds wheels or unpacked ones, or from what is installed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.plain_files import open_plain
from gatekeeper.pointers import LONGEST, refuse_pointer
from gatekeeper.suites._rows import sha256

#: What a wheel and a directory have in common.
_Root = Path | zipfile.Path
#: What a damaged or unusual wheel raises while it is opened or unpacked.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
#: How files of wheels are packed: other ways take memory and raise errors of their own.
_PACKED = frozenset((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
#: Files of a folder, and bytes of a file and of a folder, after which something is wrong: the most
#: there are have 655 files, and 2.3 MB.
_MOST_FILES = 10_000
_MOST_BYTES = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFiles:
    """A package to read from.

    Attributes:
        name: of the distribution.
        version: None if nothing says it.
        root: what holds the package's folder.
        tested: the version whose layout the importer knows.
    """

    name: str
    version: str | None
    root: _Root
    tested: str

    def read(self, member: str) -> bytes:
        """A file by its path from `root`.

        Raises:
            UsageError: there is none, or it is too large or broken.
        """
        where = f"{self.name} {self.version or ''}".strip() + f": {member}"
        file = self.root
        for part in member.split("/"):
            file = file / part
        if not file.is_file():
            raise UsageError(
                "the package has no such file",
                where=excerpt(where),
                remedy=f"use {self.name} {self.tested}",
            )
        try:
            with file.open("rb") as stream:
                raw: bytes = stream.read(_MOST_BYTES + 1)
        except _BROKEN as error:
            raise UsageError(
                f"cannot be unpacked ({type(error).__name__})",
                where=excerpt(where),
                remedy="download the wheel again",
            ) from None
        if len(raw) > _MOST_BYTES:
            raise self._too_large(where)
        refuse_pointer(raw, excerpt(where), UsageError)
        return raw

    def text(self, member: str) -> str:
        """The same as text.

        Raises:
            UsageError: also if it is not UTF-8.
        """
        try:
            return self.read(member).decode("utf-8")
        except UnicodeDecodeError:
            raise UsageError(
                "is not UTF-8", where=excerpt(member), remedy=f"use {self.name} {self.tested}"
            ) from None

    def texts(self, folder: str, suffix: str) -> dict[str, str]:
        """Path from `root` -> text of all files below `folder` that end so, sorted.

        Raises:
            UsageError: see `text`; or they are too many, too large, or of names no text can hold.
        """
        texts: dict[str, str] = {}
        room = _MOST_BYTES
        for name in sorted(_below(self.root, folder, suffix)):
            if not name.isprintable():
                raise UsageError(
                    f"a name with unprintable characters: {excerpt(name)!r}",
                    where=excerpt(folder),
                    remedy="rename it",
                )
            texts[name] = self.text(name)
            room -= len(texts[name])
            if room < 0 or len(texts) > _MOST_FILES:
                raise self._too_large(folder)
        return texts

    def _too_large(self, where: str) -> UsageError:
        return UsageError(
            f"is larger than {_MOST_BYTES // 1_000_000} MB or {_MOST_FILES} files",
            where=excerpt(where),
            remedy=f"use {self.name} {self.tested}",
        )


def digest(files: Sequence[tuple[str, bytes]]) -> str:
    """Hex digest of one file, or of the sorted `sha256sum` lines of several."""
    if len(files) == 1:
        return sha256(files[0][1])
    lines = "".join(f"{sha256(raw)}  {name}\n" for name, raw in sorted(files))
    return sha256(lines.encode())


def find_package(name: str, module: str, tested: str, places: Sequence[Path]) -> PackageFiles:
    """The first of `places` that has the package, else the installed one.

    Args:
        name: of the distribution, as pip knows it.
        module: the folder it installs.
        tested: its version that the importer was written for.
        places: wheels, directories of wheels, and directories that hold `module`.

    Raises:
        UsageError: a place cannot be read, or the package is nowhere.
    """
    for place in places:
        for root in _roots(place, name):
            if (root / module).is_dir():
                return PackageFiles(
                    name=name, version=_version(root, name), root=root, tested=tested
                )
    spec = importlib.util.find_spec(module)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        return PackageFiles(
            name=name, version=_installed_version(name), root=Path(location).parent, tested=tested
        )
    missing = "is neither in --from nor installed" if places else "is not installed"
    raise UsageError(
        f"{name} {missing}",
        remedy=f"pip download --no-deps {name}=={tested} -d DIR, then add --from DIR",
    )


def _below(root: _Root, folder: str, suffix: str) -> Iterator[str]:
    """Links are not followed: some lead in circles."""
    if isinstance(root, zipfile.Path):
        names = root.root.namelist()
        yield from {n for n in names if n.startswith(f"{folder}/") and n.endswith(suffix)}
        return
    for place, _, files in os.walk(root / folder):
        inside = Path(place).relative_to(root).as_posix()
        yield from (f"{inside}/{file}" for file in files if file.endswith(suffix))


def _roots(place: Path, name: str) -> Iterator[_Root]:
    if not place.exists():
        raise UsageError("no such wheel or directory", where=excerpt(place), remedy="check --from")
    if place.is_dir():
        yield place
        wheels = [p for p in sorted(place.glob("*.whl")) if _named(p.name, name)]
        if len(wheels) > 1:
            raise UsageError(
                f"holds {len(wheels)} wheels of {name}",
                where=excerpt(place),
                remedy="name one of them with --from",
            )
        yield from map(_opened, wheels)
    elif _named(place.name, name):
        yield _opened(place)
    else:  # of another package, or nothing that could be one
        open_plain(place, excerpt(place), UsageError).close()


def _named(file: str, name: str) -> bool:
    return _normal(file.partition("-")[0]) == _normal(name) and file.endswith(".whl")


def _normal(name: str) -> str:
    """A package's name in the form in which PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _opened(wheel: Path) -> zipfile.Path:
    try:
        with open_plain(wheel, excerpt(wheel), UsageError) as file:
            refuse_pointer(file.read(LONGEST), excerpt(wheel), UsageError)
        archive = zipfile.ZipFile(wheel)
        if not {member.compress_type for member in archive.infolist()} <= _PACKED:
            raise ValueError("packed in a way that no wheel is")
        return zipfile.Path(archive)
    except _BROKEN as error:
        raise UsageError(
            "is no wheel that can be read", where=excerpt(wheel), remedy="download it again"
        ) from error


def _version(root: _Root, name: str) -> str | None:
    """A package's version, from the name of its metadata folder."""
    for entry in root.iterdir():
        stem, _, version = entry.name.removesuffix(".dist-info").partition("-")
        if entry.name.endswith(".dist-info") and _normal(stem) == _normal(name):
            return excerpt(version)[:64] or None
    return None


def _installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
