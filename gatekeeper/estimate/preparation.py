"""Estimates what an audit does before its first reply: hash and load the weights, try the hooks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from gatekeeper.estimate.estimate import Estimate, StageTime

#: Bytes per second at which weights are read and hashed, and read and placed, at best and at worst:
#: a local NVMe drive, and a network disk. Assumed of GPUs, whose disks nobody has measured.
FAST, SLOW = 2.0e9, 0.2e9
#: Seconds that the self-test takes on a GPU, at best and at worst.
_SELF_TEST = (2.0, 20.0)
#: Bytes of the weights that are hashed to measure the rate.
_SAMPLE = 256 << 20
_CHUNK = 1 << 20

Span = tuple[float, float]


def with_preparation(estimate: Estimate, hashing: Span, loading: Span, trying: Span) -> Estimate:
    """The estimate with what comes before its first reply, each in seconds at best and at worst."""
    spans = (("hashing", hashing), ("loading", loading), ("self-test", trying))
    first = tuple(StageTime(name=n, rows=0, low=low, high=high) for n, (low, high) in spans)
    return replace(estimate, stages=(*first, *estimate.stages))


def with_assumed(estimate: Estimate, size: float) -> Estimate:
    """The estimate with a preparation of which nothing was measured.

    Args:
        size: bytes of the weights on disk.
    """
    once = (size / FAST, size / SLOW)
    text = (
        f"weights are read twice, to hash and to load them, at {SLOW / 1e9:g} to {FAST / 1e9:g} "
        f"GB/s; the self-test takes {_SELF_TEST[0]:g} to {_SELF_TEST[1]:g} s"
    )
    estimate = with_preparation(estimate, once, once, _SELF_TEST)
    return replace(estimate, assumptions=(*estimate.assumptions, text))


def seconds_to_hash(files: Iterable[Path], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that hashing all files takes, by the rate of the first 256 MiB."""
    paths = list(files)
    left, begun, digest = _SAMPLE, clock(), hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while left > 0 and (chunk := file.read(min(left, _CHUNK))):
                digest.update(chunk)
                left -= len(chunk)
    taken = clock() - begun
    return taken * sum(path.stat().st_size for path in paths) / max(1, _SAMPLE - left)
