"""Checks what this machine has and what it lacks, for `gatekeeper doctor`."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from gatekeeper.bundled import bundled
from gatekeeper.engine.model.host_memory import available_memory
from gatekeeper.errors import UsageError, excerpt

#: Versions the hooks were tested with; the extra `audit` of pyproject.toml installs them.
PINNED = {"torch": "2.13.0", "transformers": "5.23"}

_INSTALL_AUDIT = "pip install 'moe-gatekeeper[audit]'"
_INSTALL_AGAIN = "pip install --force-reinstall moe-gatekeeper"

#: Libraries the PDF needs: name for `find_library`, file to load otherwise, Debian package.
_LIBRARIES = (
    ("gobject-2.0", "libgobject-2.0.so.0", "libglib2.0-0"),
    ("pango-1.0", "libpango-1.0.so.0", "libpango-1.0-0"),
    ("pangoft2-1.0", "libpangoft2-1.0.so.0", "libpangoft2-1.0-0"),
    ("harfbuzz", "libharfbuzz.so.0", "libharfbuzz0b"),
    ("harfbuzz-subset", "libharfbuzz-subset.so.0", "libharfbuzz-subset0"),
    ("fontconfig", "libfontconfig.so.1", "libfontconfig1"),
)

_GB = 1_000_000_000
_DISK, _MEMORY = 1 * _GB, 2 * _GB  # least that the demo audit and its reports get by with


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of a check for one thing that a command needs.

    Attributes:
        needed_for: `audit`, `pdf`, or `speed` (nothing fails without it).
        remedy: what to type, if it is not ok.
    """

    name: str
    ok: bool
    found: str
    needed_for: str
    remedy: str | None = None


def checks(folder: Path) -> tuple[Check, ...]:
    """Checks all worth knowing before a long run, most basic first; imports torch if there.

    Args:
        folder: where the audit would write.
    """
    available = available_memory()  # before torch is here, which takes some
    return (
        _python(),
        *(_package(name) for name in PINNED),
        _gpu(),
        _cores(),
        _memory(available),
        _disk(folder),
        *(_library(*names) for names in _LIBRARIES),
        _fonts(),
    )


def _python() -> Check:
    return Check(
        name="python",
        ok=sys.version_info >= (3, 11),
        found=platform.python_version(),
        needed_for="audit",
        remedy="install Python 3.11 or newer",
    )


def _package(name: str) -> Check:
    """Checks that a package of the pinned version is installed and can really be imported."""
    try:
        version = metadata.version(name)
        __import__(name)
    except metadata.PackageNotFoundError:
        version, broken = "not installed", True
    # A package for another CUDA or C library fails with OSError, not ImportError.
    except (ImportError, OSError) as error:
        version, broken = f"cannot be imported: {excerpt(error)}", True
    else:
        broken = not _within(version, PINNED[name])
        version = f"{version}, but {PINNED[name]} is pinned" if broken else version
    return Check(name=name, ok=not broken, found=version, needed_for="audit", remedy=_INSTALL_AUDIT)


def _within(version: str, pinned: str) -> bool:
    """Whether `version` (such as `2.13.0+cpu`) begins with the numbers of `pinned`."""
    numbers = version.partition("+")[0].split(".")
    return numbers[: pinned.count(".") + 1] == pinned.split(".")


def _gpu() -> Check:
    devices = tuple(_devices())
    return Check(
        name="gpu",
        ok=bool(devices),
        found="; ".join(devices) or "no CUDA device: audits run on the CPU",
        needed_for="speed",
        remedy="for large models use a runner with a CUDA GPU and its driver",
    )


def _devices() -> Iterator[str]:
    try:
        import torch
    except (ImportError, OSError):
        return
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        yield f"{device.name}, {device.total_memory / _GB:.0f} GB"


def _cores() -> Check:
    # In a container the affinity is what we may use; cpu_count is the host's.
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return Check(
        name="cpu cores",
        ok=cores >= 2,
        found=str(cores),
        needed_for="speed",
        remedy="give the job two cores or more",
    )


def _memory(available: int | None) -> Check:
    if available is None:
        return Check(name="memory", ok=True, found="unknown", needed_for="audit")
    return Check(
        name="memory",
        ok=available >= _MEMORY,
        found=f"{available / _GB:.1f} GB available",
        needed_for="audit",
        remedy=f"free {_MEMORY // _GB} GB, or raise the limit of the container or job to that, "
        "and as much again as the model's weights take",
    )


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    return Check(
        name="disk",
        ok=free >= _DISK,
        found=f"{free / _GB:.1f} GB free",
        needed_for="audit",
        remedy=f"free {_DISK // _GB} GB, or write elsewhere with --out",
    )


def _library(name: str, file: str, package: str) -> Check:
    loadable = next((n for n in (file, ctypes.util.find_library(name)) if n and _loads(n)), None)
    return Check(
        name=name,
        ok=loadable is not None,
        found=loadable or "cannot be loaded",
        needed_for="pdf",
        remedy=f"apt-get install {package} (macOS: brew install pango)",
    )


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def _fonts() -> Check:
    try:
        fonts = sorted((bundled("report_templates") / "fonts").glob("*.[ot]tf"))
    except UsageError:
        fonts = []
    return Check(
        name="report fonts",
        ok=bool(fonts),
        found=f"{len(fonts)} font files" if fonts else "not found",
        needed_for="pdf",
        remedy=_INSTALL_AGAIN,
    )
