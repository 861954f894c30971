"""A small file that is written while an audit gets on: CI sees by its age that a job hangs."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

#: Its file in the work directory of an audit.
HEARTBEAT = "heartbeat.json"
#: The next one, until it is whole.
NEXT = f"{HEARTBEAT}.new"

#: Least seconds between two.
_EVERY = 1.0


class Heartbeat:
    """Writes what it is told to a file, at most once a second; the reader sees whole files only.

    Only progress writes: no timer does, which would go on while the work hangs.

    Args:
        path: the file, or None to write nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last = -_EVERY
        self._started = _now()

    def beat(self, *, at_once: bool = False, **progress: str | float | None) -> None:
        """Tells how far the work is; a disk that is full does not end it."""
        if self._path is None or not (at_once or time.monotonic() - self._last >= _EVERY):
            return
        self._last = time.monotonic()
        seen = {**progress, "pid": os.getpid(), "started": self._started, "updated": _now()}
        new = self._path.with_name(NEXT)
        with suppress(OSError):
            new.write_text(json.dumps(seen) + "\n", encoding="utf-8")
            new.replace(self._path)

    def end(self) -> None:
        """Removes the file: nothing runs any more. After `kill -9` it stays, and grows old."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path.with_name(NEXT).unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
