"""Runs variants of one piece of work in turn and compares each with the first."""

from __future__ import annotations

import ctypes
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """Time of a variant over that of the plain one, repetition by repetition."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    def row(self) -> str:
        """Median, lowest and highest of both, as cells of a Markdown table."""
        return " | ".join(spread(v, 3) for v in (self.wall, self.cpu))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one run took.

    Attributes:
        wall, cpu: seconds.
        peak: bytes by which the process grew at most, or None where the system does not tell.
    """

    wall: float
    cpu: float
    peak: int | None = None


def spread(values: Sequence[float], digits: int) -> str:
    """Median, lowest and highest."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def rounds(
    variants: Mapping[str, Callable[[], object]], repetitions: int, *, warm_up: bool = True
) -> dict[str, tuple[Spent, ...]]:
    """Times every variant once per repetition, in turn, after one round to warm up.

    Order alternates, so that a drift of the machine favours nobody.
    """
    names = list(variants)
    found: dict[str, list[Spent]] = {name: [] for name in names}
    for repetition in range(0 if warm_up else 1, repetitions + 1):
        for name in names if repetition % 2 else reversed(names):
            spent = once(variants[name])
            if repetition:
                found[name].append(spent)
    return {name: tuple(spent) for name, spent in found.items()}


def once(work: Callable[[], object]) -> Spent:
    """Runs it once."""
    held = _forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    most = _status("VmHWM")
    return Spent(wall=wall, cpu=cpu, peak=None if held is None or most is None else most - held)


def compare(variants: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, Ratios]:
    """Time of every variant over that of the first."""
    spent = rounds(variants, repetitions)
    names = list(variants)
    return {name: ratios(spent[name], spent[names[0]]) for name in names[1:]}


def ratios(above: Sequence[Spent], below: Sequence[Spent]) -> Ratios:
    """Repetition by repetition."""
    return Ratios(
        wall=tuple(a.wall / b.wall for a, b in zip(above, below, strict=True)),
        cpu=tuple(a.cpu / b.cpu for a, b in zip(above, below, strict=True)),
    )


def _forget_peak() -> int | None:
    """Gives freed memory back, sets the peak to what is held, and tells that; Linux only."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except (OSError, AttributeError):
        return None
    return _status("VmRSS")


def _status(name: str) -> int | None:
    """Bytes of an entry of /proc/self/status."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(x.split()[1]) * 1024 for x in lines if x.startswith(f"{name}:")), None)


def machine(dtype: str = "float32") -> str:
    """One line about what this was measured on."""
    import torch
    import transformers

    threads = torch.get_num_threads()
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {threads} "
        f"thread{'s' if threads > 1 else ''}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}, {dtype} on CPU"
    )
