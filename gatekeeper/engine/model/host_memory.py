"""Reads how much memory programs may take: that of the machine, of its control groups, or of a
limit on this process (`ulimit -v`).

In a container or a batch job /proc/meminfo tells of the whole machine, and whoever believes it is
killed. Sources: Linux, Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_ROOT = Path("/")
#: Version 1 writes "no limit" as the largest number of whole pages.
_NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """File names of a version of control groups, and its name for pages given back on demand."""

    limits: tuple[str, ...]
    usage: str
    cache: tuple[str, ...]


# Files that were read twice are active, as weights are by a second audit: given back all the same.
_V1 = _Names(
    limits=("memory.limit_in_bytes",),
    usage="memory.usage_in_bytes",
    cache=("total_inactive_file", "total_active_file"),
)
_V2 = _Names(
    limits=("memory.max", "memory.high"),
    usage="memory.current",
    cache=("inactive_file", "active_file"),
)


def available_memory(root: Path = _ROOT) -> int | None:
    """Bytes that programs may still take, or None where the system does not tell.

    Args:
        root: where /proc and /sys lie.
    """
    known = _sized(root / "proc/meminfo", "MemAvailable")
    free = [max(0, limit - used) for limit, used in (*_groups(root), *_process(root))]
    return min([*free, *([] if known is None else [known])], default=None)


def total_memory(root: Path = _ROOT) -> int:
    """Bytes that programs may take at most."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([installed, *(limit for limit, _ in (*_groups(root), *_process(root)))])


def held_memory(root: Path = _ROOT) -> int:
    """Bytes that this process has taken for itself; 0 where the system does not tell."""
    return _sized(root / "proc/self/status", "RssAnon") or 0


def _process(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of this process's own addresses, in bytes, if they are limited."""
    for line in _lines(root / "proc/self/limits"):
        words = line.removeprefix("Max address space").split()
        if words != line.split() and (limit := _number(words[0])) is not None:
            yield limit, _sized(root / "proc/self/status", "VmSize") or 0


def _sized(file: Path, name: str) -> int | None:
    for line in _lines(file):
        key, _, rest = line.partition(":")
        if key == name:
            return _number(rest.strip().removesuffix("kB"), 1024)
    return None


def _groups(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use, in bytes, of each control group with a limit that this process is in."""
    for folder, top, names in _folders(root):
        for level in (folder, *folder.parents):
            limits = [_first(level / name) for name in names.limits]
            known = [limit for limit in limits if limit is not None and limit < _NO_LIMIT]
            if known:
                yield min(known), max(0, (_first(level / names.usage) or 0) - _cache(level, names))
            if level == top:
                break


def _folders(root: Path) -> Iterator[tuple[Path, Path, _Names]]:
    """Each hierarchy that counts memory: our folder in it, its uppermost, and its names."""
    group = {}
    for line in _lines(root / "proc/self/cgroup"):
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if "memory" in controllers.split(","):
            group[_V1] = path
        elif number == "0" and not controllers:
            group[_V2] = path
    for line in _lines(root / "proc/self/mountinfo"):
        # proc(5): number, parent, device, root, mount point, …, " - ", type, source, options.
        mount, _, source = line.partition(" - ")
        fields, kind = mount.split(), (*source.split(), "", "", "")[:3]
        if len(fields) < 5:
            continue
        memory = kind[0] == "cgroup" and "memory" in kind[2].split(",")
        names = _V1 if memory else _V2 if kind[0] == "cgroup2" else None
        if names in group and names is not None:
            top = root / _plain(fields[4]).lstrip("/")
            yield _below(top, _plain(fields[3]), group[names]), top, names


def _below(top: Path, mounted: str, path: str) -> Path:
    """The folder of a group below a mount; the mount itself if the group is not below it."""
    try:
        inner = PurePosixPath(path).relative_to(mounted)
    except ValueError:
        return top
    return top if ".." in inner.parts or not (top / inner).is_dir() else top / inner


def _plain(text: str) -> str:
    """A path of mountinfo, in which spaces are escaped."""
    return text.replace("\\040", " ")


def _cache(level: Path, names: _Names) -> int:
    pairs = (line.partition(" ") for line in _lines(level / "memory.stat"))
    return sum(_number(rest) or 0 for name, _, rest in pairs if name in names.cache)


def _first(path: Path) -> int | None:
    return next((_number(line) for line in _lines(path)), None)


def _number(text: str, unit: int = 1) -> int | None:
    """The number in a text; None for `max`, and for whatever else is no number."""
    digits = text.strip()
    return (
        int(digits) * unit if digits.isascii() and digits.isdigit() and len(digits) < 30 else None
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
