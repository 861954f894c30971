"""Opening a file that somebody names: what could be waited for for ever is refused.

A pipe that nobody writes to blocks whoever opens it, a device may have no end. Those that are open
already are no such trap: what a shell hands over by a name in /dev/fd (`--policy <(…)`), and
/dev/stdin.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

from gatekeeper.errors import GatekeeperError

_HANDED_OVER = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_plain(path: Path, where: str, error: type[GatekeeperError]) -> BufferedReader:
    """A file, opened to be read.

    Args:
        where: the file, ready to print.
        error: what to raise, by which the exit code is chosen.

    Raises:
        GatekeeperError: of the kind `error`: it is a directory, a pipe, a socket or a device.
        OSError: it cannot be opened.
    """
    if str(path).startswith(_HANDED_OVER):
        return path.open("rb")
    # A look before, because opening a device can do something; and one after, at what was opened.
    _refuse_odd(path.stat().st_mode, where, error)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(handle, "rb")
    try:
        _refuse_odd(os.fstat(handle).st_mode, where, error)
        os.set_blocking(handle, True)
    except BaseException:
        file.close()
        raise
    return file


def read_plain(path: Path, where: str, error: type[GatekeeperError], most: int) -> bytes:
    """All of a file of a usual size; raises as `open_plain` does, and of a larger one.

    Args:
        most: bytes, whole megabytes of 1,000,000.
    """
    with open_plain(path, where, error) as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise error(
            f"larger than {most // 1_000_000} MB", where=where, remedy="give a file of usual size"
        )
    return raw


def _refuse_odd(mode: int, where: str, error: type[GatekeeperError]) -> None:
    for is_one, name in _KINDS:
        if is_one(mode):
            raise error(f"is {name}, not a file", where=where, remedy="give a plain file")
