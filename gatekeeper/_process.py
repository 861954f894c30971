"""What the process does about signals, and about readers of its output that go away or lack
characters.

A verdict is an exit code. Neither `check … | head`, nor a terminal that knows no `✓`, nor a signal
at a bad moment may turn it into another one.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NoReturn, TextIO

from gatekeeper.errors import ExitCode

#: Said when an audit is interrupted, or a disk is full.
RESUME = "what was computed is kept: run the same command again to go on"

#: Signs of ours in other words: a number must not lose its sign, nor a mark become another one, or
#: the `?` that all others become.
_PLAIN = {
    **{"✓": "ok", "×": "x", "△": "!", "○": "o", "●": "*", "□": "[]", "─": "-", "│": "|", "·": "|"},
    **{"−": "-", "–": "-", "—": "-", "→": "->", "…": "...", "≤": "<=", "≥": ">=", "\xa0": " "},
    **{"‘": "'", "’": "'", "“": '"', "”": '"', "Φ": "Phi", "π": "pi", "κ": "kappa"},
}
_REPLACED = "gatekeeper.replaced"

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_seen: list[int] = []


def catch_signals() -> None:
    """The first signal interrupts what runs, which then cleans up; the next one ends it at once.

    Rows are stored in transactions: nothing is lost by an end without cleaning up.
    """
    for number in _SIGNALS:
        # A parent that wants us deaf to one (nohup) has its way.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    _seen.append(number)
    if len(_seen) == 1:
        raise KeyboardInterrupt
    # The message of the first is on its way or lost: a second line tells why it stops here.
    os.write(2, b"gatekeeper: ended by a second signal\n")
    os._exit(ExitCode.AUDIT_FAILED)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals wait until the block is over. Threads that it starts never get one themselves."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_unhearing(process: BaseProcess) -> None:
    """Starts a process that a Ctrl-C in the terminal does not end: its owner does."""
    # The first process spawned starts this helper of Python's, and starting that unblocks SIGINT.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ended(code: int) -> str:
    """How another process ended, in words, by its exit code or minus its signal."""
    if code == -signal.SIGKILL:
        return "killed (SIGKILL; so does Linux when memory runs out)"
    return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def ignore_signals() -> None:
    """From here on the process is about to end by itself."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def leave(code: int) -> NoReturn:
    """Ends the process with this code, whatever signal comes now."""
    ignore_signals()
    # An interrupt that passed through exec() of a text (as dataclasses do it) is noted inside
    # CPython and would end `python -m` by SIGINT although it was caught; the next eval() of a text
    # clears the note (run_eval_code_obj in Python/pythonrun.c).
    eval("0")  # noqa: S307 - a constant
    sys.exit(code)


class _Unheard(io.FileIO):
    """A file descriptor whose reader may go away: from then on writes go nowhere.

    Args:
        matters: whether another failure, such as a full disk, is told; once.
    """

    def __init__(self, number: int, *, matters: bool) -> None:
        super().__init__(number, "wb", closefd=False)
        # Asked for as such, a terminal that is gone already says that it is none.
        self._matters, self._device = matters, stat.S_ISCHR(os.fstat(number).st_mode)

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except OSError as error:
            gone = error.errno == errno.EPIPE or (self._device and error.errno == errno.EIO)
            reports, self._matters = self._matters and not gone, False
            if reports:
                raise
            return memoryview(data).nbytes


class _Plain(io.TextIOWrapper):
    """Text for a reader of ASCII. Its encoding says otherwise: click writes UTF-8 to such ones."""

    def write(self, text: str, /) -> int:
        return super().write(text.encode("ascii", _REPLACED).decode("ascii"))


def outlive_readers() -> None:
    """Makes stdout and stderr survive `| head` and `| true`, and characters they cannot write."""
    codecs.register_error(_REPLACED, _replaced)
    if isinstance(sys.stdin, io.TextIOWrapper):
        # What is typed may be in another encoding.
        sys.stdin.reconfigure(encoding=_encoding(sys.stdin.encoding), errors="replace")
    sys.stdout = _unheard(sys.stdout, matters=True)
    sys.stderr = _unheard(sys.stderr, matters=False)  # there is nowhere to tell


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding lacks, such as half of one in a file name."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(c, "?") for c in lacking), error.end


def _encoding(asked: str) -> str:
    """The encoding that was asked for, or UTF-8 where it is none for any text (idna, undefined)."""
    try:
        asked_of = "".join(("x" * 100, *_PLAIN, "\udcff\n"))
        _ = asked_of.encode(asked, _REPLACED), b"x\n".decode(asked, "replace")
    except (UnicodeError, LookupError):
        return "utf-8"
    return asked


def _unheard(stream: TextIO, *, matters: bool) -> TextIO:
    """The same stream on a descriptor that does not mind; as it was where there is none."""
    try:
        number = stream.fileno()
    except (AttributeError, OSError, ValueError):  # closed from the start, or replaced
        return stream
    stream.flush()
    encoding = _encoding(stream.encoding)
    ascii_only = codecs.lookup(encoding).name == "ascii"
    return (_Plain if ascii_only else io.TextIOWrapper)(
        io.BufferedWriter(_Unheard(number, matters=matters)),
        encoding="latin-1" if ascii_only else encoding,
        errors=_REPLACED,
        line_buffering=True,
    )
