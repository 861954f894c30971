"""Data files of other people's packages, read without importing those packages.

From a wheel, a directory that holds wheels or unpacked ones, or from what is installed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.pointers import refuse_pointer, refuse_pointer_file
from gatekeeper.suites._rows import sha256
from gatekeeper.suites.read import MAX_FILE

#: What a wheel and a directory have in common.
_Root = Path | zipfile.Path
#: What a damaged or unusual member raises while it is unpacked.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
)
#: Files of a folder after which something is wrong.
_MOST_FILES = 100_000


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
                raw: bytes = stream.read(MAX_FILE + 1)
        except _BROKEN as error:
            raise UsageError(
                f"cannot be unpacked ({type(error).__name__})",
                where=excerpt(where),
                remedy="download the wheel again",
            ) from None
        if len(raw) > MAX_FILE:
            raise UsageError(
                f"is larger than {MAX_FILE // 1_000_000} MB",
                where=excerpt(where),
                remedy=f"use {self.name} {self.tested}",
            )
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

    def names(self, folder: str, suffix: str) -> tuple[str, ...]:
        """Paths from `root` of all files below `folder` that end so, sorted."""
        top = self.root
        for part in folder.split("/"):
            top = top / part
        found = (f"{folder}/{name}" for name in _below(top, suffix) if top.is_dir())
        return tuple(sorted(name for name, _ in zip(found, range(_MOST_FILES), strict=False)))


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


def _below(folder: _Root, suffix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from (f"{entry.name}/{name}" for name in _below(entry, suffix))
        elif entry.name.endswith(suffix):
            yield entry.name


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


def _named(file: str, name: str) -> bool:
    return _normal(file.partition("-")[0]) == _normal(name) and file.endswith(".whl")


def _normal(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _opened(wheel: Path) -> zipfile.Path:
    if wheel.is_file():
        refuse_pointer_file(wheel, excerpt(wheel), UsageError)
    try:
        return zipfile.Path(zipfile.ZipFile(wheel))
    except (zipfile.BadZipFile, OSError) as error:
        raise UsageError(
            "is no wheel that can be read", where=excerpt(wheel), remedy="download it again"
        ) from error


def _version(root: _Root, name: str) -> str | None:
    """From the name of the package's metadata folder."""
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
