"""Every error a user can meet: one line, where, a remedy, and the exit code that goes with it.

Exit codes are fixed whatever flags are given (docs/adr/0002): 1 is Python's own code for a bug and
never used for a verdict.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from enum import IntEnum

from gatekeeper.odd_characters import foreign

#: Longest piece of foreign text (a path, a value from a file) repeated in a message.
_EXCERPT = 120
#: Longest reason that is repeated: a sentence of ours with its remedy, as evidence holds it.
REASON = 400
_SURROGATE = re.compile("[\ud800-\udfff]")


class ExitCode(IntEnum):
    """What a process that calls Gatekeeper learns without reading a word."""

    PASS = 0
    BUG = 1
    USAGE = 2
    AUDIT_FAILED = 3
    FAIL = 10
    INCONCLUSIVE = 11
    NOT_VERIFIED = 12


class GatekeeperError(Exception):
    """Base of all expected errors; caught in one place, in `cli.py`.

    Args:
        message: what is wrong, one line.
        where: file, or file:line:column, that the message is about.
        remedy: what to do about it, one line.
        others: what else there is to mend in the same file, a line each.
    """

    exit_code = ExitCode.AUDIT_FAILED

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        remedy: str | None = None,
        others: Sequence[GatekeeperError] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy
        self.others = tuple(others)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} → {self.remedy}" if self.remedy else text


class UsageError(GatekeeperError):
    """Wrong usage, or an invalid policy, suite or configuration."""

    exit_code = ExitCode.USAGE


class AuditError(GatekeeperError):
    """The audit could not be carried out."""

    exit_code = ExitCode.AUDIT_FAILED


class CheckpointError(AuditError):
    """The checkpoint cannot be read, or Gatekeeper refuses to read it."""


class SelfTestError(AuditError):
    """The hooks do not do on this model what they claim: nothing measured would count."""


class EvidenceError(GatekeeperError):
    """Evidence is missing, altered or of another schema."""

    exit_code = ExitCode.NOT_VERIFIED


def encodable(text: str) -> bool:
    """Whether text can be written as UTF-8.

    JSON escapes can spell half a surrogate pair, and Python reads a file name of other bytes so.
    """
    return not _SURROGATE.search(text)


def excerpt(value: object, most: int = _EXCERPT) -> str:
    """Foreign text made safe to print: one line, no control or bidi characters, bounded length.

    A prompt, a file name or a policy value may hold terminal escapes or GitHub workflow commands
    (`::set-output`); none may reach a log as they are.
    """
    text = "".join(c if c.isprintable() else "�" for c in str(value))
    text = text.replace("::", ": :")
    return text if len(text) <= most else text[: most - 1] + "…"


def is_panic(error: BaseException) -> bool:
    """Whether a library written in Rust gave up (tokenizers, safetensors): such is no Exception."""
    return type(error).__module__ == "pyo3_runtime"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a processor's memory did not hold what was asked for, under a limit (ulimit -v).

    Torch says so by a bare RuntimeError.
    """
    said = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return said or isinstance(error, MemoryError)


def did_you_mean(word: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """A remedy for a word that is none of the known ones: the one that was probably meant, and
    what tells them apart where both may look the same on a screen.

    Args:
        otherwise: what to say where none is near; None: all that are known.
    """
    words = list(known)
    if near := difflib.get_close_matches(word[:_EXCERPT], words, n=1, cutoff=0.5):
        return f"did you mean {near[0]}? {foreign(word)}".rstrip()
    return f"known: {', '.join(words) or 'none'}" if otherwise is None else otherwise
