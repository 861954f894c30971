"""What the fuzzers share: damaged copies of real files, held against the command line in-process.

A case is a list of damages to real bytes, all drawn from one seed, so that a case can be made again
from its number. What counts as a failure: an exception that `cli.run` lets through, exit code 1, a
code that no bad input has, more or less than one line of error, and a case that takes long.

A second each in CI, ten each night; `GATEKEEPER_FUZZ_SECONDS=600 pytest tests/fuzz` for as long as
one likes. Another start than 0 by `GATEKEEPER_FUZZ_START`, so that a second run tries other cases.
What each looked at is told at the end of the session. `GATEKEEPER_FUZZ_KEEP` names a directory for
the case that failed and for the one at hand, should the process not live to tell.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper.cli import run

#: Of each fuzzer.
SECONDS = float(os.environ.get("GATEKEEPER_FUZZ_SECONDS", "1"))
START = int(os.environ.get("GATEKEEPER_FUZZ_START", "0"))
#: Of computing, in one case.
SLOW = 10.0
#: What a command may answer to a damaged file: all codes but that of a bug.
CODES = frozenset({0, 2, 3, 10, 11, 12})

#: What has broken parsers before, here and elsewhere.
_HOSTILE = (
    *(b"\0", b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\t", b"\x1b[2J"),
    *"\u00a0 \u2003 \u3000 \u200b \ufeff \u2028 \u0085 \u202e \u2212 ％ ² “ ”".encode().split(b" "),
    *(b"", b"{", b"}", b"[", b"]", b'"', b"'", b",", b":", b": ", b"- ", b"#", b"|", b">", b"%"),
    *(b"&a ", b"*a", b"<<: ", b"!!bool abc", b'!!int ""', b"!!timestamp abc", b"!!binary ?", b"!!"),
    *(b"null", b"true", b"NaN", b"Infinity", b"-1", b"0", b"1e999", b"-0.0", b"1_0", b"0x1F"),
    *(b"9" * 30, b"9" * 5000, b"1e-400", b"2026-02-30", b"\\ud800", b"\\u0000", b"\\x00"),
    *(b"[" * 200, b"{" * 200, b"- " * 200, b'{"a":' * 200, b"sep=;\n", b"=A1", b"::error::"),
    *(b"\xe2\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"../", b"/dev/zero", b"x" * 70_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Tally:
    """How many cases there were, and how they ended."""

    cases: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0


def damaged(raw: bytes, draw: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """A copy of `raw` with one to six damages; `others` are files to take pieces from."""
    data = bytearray(raw)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        _damage(data, draw, others)
    return bytes(data)


def _damage(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    at = draw.randrange(len(data) + 1)
    end = min(len(data), at + draw.choice((1, 1, 2, 4, 16, 64, 400)))
    kind = draw.randrange(9)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << draw.randrange(8)
    elif kind == 1:
        del data[at:end]
    elif kind == 2:
        data[at:at] = data[at:end] * draw.choice((1, 1, 2, 50))
    elif kind == 3:
        data[at:end] = draw.choice(_HOSTILE)
    elif kind in {4, 5}:
        data[at:at] = draw.choice(_HOSTILE)
    elif kind == 6:
        _change_number(data, draw)
    elif kind == 7:
        _move_lines(data, draw)
    elif others:
        other = draw.choice(others)
        begin = draw.randrange(len(other) + 1)
        data[at:end] = other[begin : begin + draw.choice((4, 40, 400))]
    else:
        del data[at:]


def _change_number(data: bytearray, draw: random.Random) -> None:
    """One digit becomes another number, the sort of damage that leaves a file well-formed."""
    places = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
    if places:
        at = draw.choice(places)
        number = draw.choice((b"0", b"-1", b"1e9", b"99999999999", b"0.5", b"9" * 400, b"x"))
        data[at : at + 1] = number


def _move_lines(data: bytearray, draw: random.Random) -> None:
    """A line is doubled, dropped, moved or indented."""
    lines = bytes(data).split(b"\n")
    at, to = draw.randrange(len(lines)), draw.randrange(len(lines))
    line = lines.pop(at) if draw.random() < 0.5 else lines[at]
    if draw.random() < 0.8:
        lines.insert(to, draw.choice((line, b"  " + line, line.lstrip())))
    data[:] = b"\n".join(lines)


def command(*arguments: object) -> Answer:
    """Runs the command line in this process.

    Raises:
        AssertionError: it ended in a traceback, exit code 1, or in more lines of error than one, or
            than a policy's first errors.
    """
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([str(argument) for argument in arguments])
    except Exception as error:
        raise AssertionError("".join(traceback.format_exception(error))) from error
    answer = Answer(code=int(code), out=out.getvalue(), err=err.getvalue())
    assert answer.code in CODES, answer
    assert "Traceback" not in answer.out + answer.err, answer
    errors = [x for x in answer.err.splitlines() if x.startswith("gatekeeper: error: ")]
    assert len(errors) <= (21 if errors and ".yaml:" in errors[0] else 1), answer
    if answer.code in {3, 12}:
        assert errors, answer
    return answer


Damage = Callable[[str, bytes, random.Random], bytes]


def fuzz(
    name: str,
    seeds: Mapping[str, bytes],
    check: Callable[[str, bytes], int],
    seconds: float = SECONDS,
    damage: Damage | None = None,
) -> Tally:
    """Damages `seeds` by turns and gives each to `check` until the time is over.

    Args:
        name: of the fuzzer; cases are drawn from it and their number.
        seeds: name of a real file -> its bytes.
        check: takes the name of the seed and the damaged bytes, returns an exit code, and raises
            AssertionError for what must not happen.
        damage: makes another file of a seed, given its name; damaged bytes if None.

    Raises:
        AssertionError: with the number of the case, see `cases`.
    """
    names, files = sorted(seeds), list(seeds.values())

    def one(number: int, draw: random.Random) -> int:
        which = names[number % len(names)]
        raw = seeds[which]
        data = damage(which, raw, draw) if damage else damaged(raw, draw, files)
        _keep(f"now-{name}", which, data)
        try:
            return check(which, data)
        except AssertionError as error:
            _keep(f"{name}-{number}", which, data)
            raise AssertionError(f"{which}: {error}") from error

    return cases(name, one, seconds)


def cases(name: str, check: Callable[[int, random.Random], int], seconds: float = SECONDS) -> Tally:
    """Gives cases, drawn from their numbers, to `check` until the time is over.

    Raises:
        AssertionError: with the number of the case; also if it takes long.
    """
    tally, end, number = Tally(), time.monotonic() + seconds, START
    while time.monotonic() < end:
        began = time.process_time()  # the machine may be busy with others
        try:
            with _limited(SLOW):
                code = check(number, random.Random(f"{name} {number}"))
            took = time.process_time() - began
            assert took < SLOW, f"took {took:.0f} s"
        except AssertionError as error:
            raise AssertionError(f"{name}, case {number}: {error}") from error
        tally.cases += 1
        tally.codes[code] += 1
        tally.slowest = max(tally.slowest, took)
        number += 1
    shares = ", ".join(f"{n / tally.cases:.0%} {code}" for code, n in sorted(tally.codes.items()))
    print(f"{name}: {tally.cases} cases in {seconds:.0f} s; exit codes {shares}; ", end="")
    print(f"slowest {tally.slowest:.2f} s")
    return tally


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Ends what computes longer, so that a case without end is told, by where it was."""

    def end(*_: object) -> None:
        raise AssertionError(f"takes more than {seconds:.0f} s")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _keep(name: str, which: str, data: bytes) -> None:
    if folder := os.environ.get("GATEKEEPER_FUZZ_KEEP"):
        safe = f"{name}-{which}".replace("/", "_").replace(" ", "_")
        (Path(folder) / safe).write_bytes(data)
