"""Progress of long work: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import sys
import time

import click

#: Seconds between two lines in a log.
_EVERY = 15.0

_WORDS = {
    "load": "Loading and checking the model",
    "unmasked": "Unmasked replies, selection split",
    "profile": "Routing profile",
    "attribution": "Attribution",
    "select": "Selecting experts",
    "roles": "Telling roles apart",
    "trials": "Masking trials",
    "trials in order": "Masking trials, until limits are settled",
    "usefulness": "Benign answers under masks",
}


class ProgressReporter:
    """Writes to stderr, so that stdout stays for results; a context manager.

    Args:
        prefix: put before each stage, to tell several audits apart.
        quiet: write nothing.
    """

    def __init__(self, *, prefix: str = "", quiet: bool = False) -> None:
        self._prefix, self._quiet = prefix, quiet
        self._terminal = sys.stderr.isatty()
        self._stage, self._begun, self._last, self._first = "", time.monotonic(), 0.0, 0
        self._width = 0

    def stage(self, name: str) -> None:
        """A new stage has begun."""
        self._clear()
        self._stage = self._prefix + _WORDS.get(name, name)
        self._begun, self._last, self._first = time.monotonic(), 0.0, -1
        if not self._quiet:
            click.echo(f"{self._stage} …", err=True)

    def advance(self, done: int, total: int) -> None:
        """Units done of the stage; written at most every few seconds."""
        if self._first < 0:
            self._first = done
        now = time.monotonic()
        wait = 0.2 if self._terminal else _EVERY
        if self._quiet or total == 0 or now - max(self._last, self._begun) < wait:
            return
        self._last = now
        line = self._line(done, total, now - self._begun)
        if self._terminal:
            click.echo("\r" + line.ljust(self._width), err=True, nl=False)
            self._width = len(line)
        else:
            click.echo(line, err=True)

    def _line(self, done: int, total: int, seconds: float) -> str:
        rate = (done - self._first) / seconds if seconds > 0 else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate > 0 else ""
        if total > 1 << 20:
            return f"  {done >> 20} of {total >> 20} MiB read{left}"
        return f"  {done} of {total} rows, {rate:.1f} a second{left}"

    def _clear(self) -> None:
        if self._terminal and self._width:
            click.echo("\r" + " " * self._width + "\r", err=True, nl=False)
            self._width = 0

    def close(self) -> None:
        """Leaves the terminal on a clean line."""
        self._clear()
