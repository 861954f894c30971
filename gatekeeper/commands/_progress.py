"""Shows progress of long work: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

from gatekeeper.commands._heartbeat import Heartbeat

#: Seconds between two lines in a log.
_EVERY = 15.0

_WORDS = {
    "load": "Trying the judge, hashing the weights",
    "hash": "Hashing a part of the weights",
    "weights": "Loading the weights",
    "self-test": "Testing the hooks on the model",
    "sample": "Running some of the trials",
    "unmasked": "Unmasked replies, selection split",
    "profile": "Routing profile",
    "attribution": "Attribution",
    "select": "Selecting experts",
    "roles": "Telling roles apart",
    "trials": "Masking trials",
    "trials in order": "Masking trials, until limits are settled",
    "usefulness": "Benign answers under masks",
}

#: What is counted where it is not rows.
_UNITS = {"load": "bytes", "weights": "bytes", "self-test": "steps"}

#: Stages of which nobody knows beforehand how many rows they take: only how many at most.
_AT_MOST = frozenset({"trials in order"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of an hour of one device, in whatever money it was given, and how many work."""

    hour: float
    devices: int

    def of(self, seconds: float) -> float:
        """Money for so many seconds."""
        return seconds / 3600 * self.hour * self.devices


class ProgressReporter:
    """Writes to stderr, so that stdout stays for results; a context manager.

    Args:
        prefix: put before each stage, to tell several audits apart.
        quiet: write nothing.
        gpu_hour_cost: price of a device for an hour, or None.
    """

    def __init__(
        self, *, prefix: str = "", quiet: bool = False, gpu_hour_cost: float | None = None
    ) -> None:
        self._prefix, self._quiet, self._hour = prefix, quiet, gpu_hour_cost
        self._terminal = sys.stderr.isatty()
        self._begun = time.monotonic()
        self._name, self._half, self._last, self._width = "", "", 0.0, 0
        self._piece = _Piece(first=0, total=0, begun=self._begun)
        self._price: Price | None = None
        self._heartbeat = Heartbeat(None)

    def begin(self, heartbeat: Path, devices: int) -> None:
        """The work begins: its heartbeat goes there, its price counts from now."""
        self._begun = time.monotonic()
        self._heartbeat = Heartbeat(heartbeat)
        self._price = None if self._hour is None else Price(hour=self._hour, devices=devices)

    def stage(self, name: str, half: int = 0) -> None:
        """A new stage has begun; under cross-fitting of the half (1 or 2) that selects."""
        self._clear()
        self._half = f"half {half} of 2: " if half else ""
        self._name, self._last = name, time.monotonic()
        self._piece = _Piece(first=0, total=0, begun=self._last)
        if not self._quiet:
            click.echo(f"{self._prefix}{self._half}{_WORDS.get(name, name)} …", err=True)
        self._beat(at_once=True)

    def advance(self, done: int, total: int, *, found: int = 0) -> None:
        """Units done of the stage; written at most every few seconds.

        Args:
            found: of those done since the last call, how many were there already.
        """
        now, piece = time.monotonic(), self._piece
        # Units done before are no work of now: they count in no rate.
        if total > piece.total or done < piece.done:
            self._piece = _Piece(first=done, total=total, begun=now)
        else:
            piece.first, piece.total = piece.first + found, total
        self._piece.done = done
        self._beat()
        wait = 0.2 if self._terminal else _EVERY
        if self._quiet or total == 0 or now - self._last < wait:
            return
        self._last = now
        line = self._line(now)
        if self._terminal:
            click.echo("\r" + line.ljust(self._width), err=True, nl=False)
            self._width = len(line)
        else:
            click.echo(line, err=True)

    def caution(self, text: str) -> None:
        """A warning, on a line of its own."""
        self._clear()
        if not self._quiet:
            click.echo(f"{self._prefix}warning: {text}", err=True)

    def tell(self, text: str) -> None:
        """Something that is no warning, on a line of its own."""
        self._clear()
        if not self._quiet:
            click.echo(f"{self._prefix}{text}", err=True)

    def _line(self, now: float) -> str:
        piece = self._piece
        eta = piece.seconds_left(now)
        bound, up_to = ("at most ", "up to ") if self._name in _AT_MOST else ("", "")
        more = "" if eta is None else f", {up_to}{duration(eta)} left"
        if self._price is not None:
            more += f", {self._price.of(now - self._begun):.2f} spent"
            more += "" if eta is None else f" and {up_to}{self._price.of(eta):.2f} to go"
        unit = _UNITS.get(self._name, "rows")
        if unit == "bytes":
            return f"  {_size(piece.done, piece.total)} read{more}"
        rows = f"{piece.done} of {bound}{piece.total} {unit}"
        return f"  {self._half}{rows}, {piece.rate(now):.1f} a second{more}"

    def _beat(self, *, at_once: bool = False) -> None:
        now, price, piece = time.monotonic(), self._price, self._piece
        eta = piece.seconds_left(now)
        self._heartbeat.beat(
            at_once=at_once,
            stage=self._name,
            unit=_UNITS.get(self._name, "rows"),
            done=piece.done,
            total=piece.total,
            at_most=self._name in _AT_MOST,
            per_second=round(piece.rate(now), 3),
            seconds_left=None if eta is None else round(eta, 1),
            money_spent=None if price is None else round(price.of(now - self._begun), 4),
            money_left=None if price is None or eta is None else round(price.of(eta), 4),
        )

    def tell_cost(self, seconds: float) -> None:
        """Tells what the whole audit cost, over all its sessions, if a price was given."""
        price = self._price
        if price is not None and not self._quiet:
            click.echo(
                f"{self._prefix}{duration(seconds)} on {price.devices} "
                f"device{'s' if price.devices > 1 else ''}: {price.of(seconds):.2f} "
                f"at {price.hour:.2f} a device and hour",
                err=True,
            )

    def _clear(self) -> None:
        if self._terminal and self._width:
            click.echo("\r" + " " * self._width + "\r", err=True, nl=False)
            self._width = 0

    def close(self) -> None:
        """Leaves the terminal on a clean line, and no heartbeat."""
        self._clear()
        self._heartbeat.end()


@dataclass(slots=True, kw_only=True)
class _Piece:
    """A run of units of equal kind: how many were done before it, and since when it goes on."""

    first: int
    total: int
    begun: float
    done: int = 0

    def rate(self, now: float) -> float:
        """Units a second, of those done now."""
        seconds = now - self.begun
        return (self.done - self.first) / seconds if seconds > 0 else 0.0

    def seconds_left(self, now: float) -> float | None:
        """Seconds that the rest of this piece takes; None until something is done."""
        rate = self.rate(now)
        return (self.total - self.done) / rate if rate > 0 else None


def _size(done: int, total: int) -> str:
    """Bytes of bytes, in a unit in which the whole is no fraction."""
    unit, word = next(
        (u, w) for u, w in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if total >= u or u == 1e3
    )
    return f"{done / unit:.1f} of {total / unit:.1f} {word}"


def duration(seconds: float) -> str:
    """A time in words, from seconds."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
