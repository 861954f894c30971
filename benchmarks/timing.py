"""Runs variants of one piece of work in turn and compares each with the first."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """Time of a variant over that of the plain one, repetition by repetition."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    def row(self) -> str:
        """Median, lowest and highest of both, as cells of a Markdown table."""
        return " | ".join(
            f"{statistics.median(v):.3f} ({min(v):.3f} to {max(v):.3f})"
            for v in (self.wall, self.cpu)
        )


def compare(variants: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, Ratios]:
    """Times every variant once per repetition, in turn, after one round to warm up.

    Order alternates, so that a drift of the machine favours nobody.
    """
    names = list(variants)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for repetition in range(repetitions + 1):
        for name in names if repetition % 2 else reversed(names):
            wall, cpu = time.perf_counter(), time.process_time()
            variants[name]()
            if repetition:
                spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    plain = spent[names[0]]
    return {
        name: Ratios(
            wall=tuple(a[0] / b[0] for a, b in zip(spent[name], plain, strict=True)),
            cpu=tuple(a[1] / b[1] for a, b in zip(spent[name], plain, strict=True)),
        )
        for name in names[1:]
    }


def machine() -> str:
    """One line about what this was measured on."""
    import torch
    import transformers

    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, transformers {transformers.__version__}, float32 on CPU"
    )
