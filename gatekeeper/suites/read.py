"""Prompt suites from disk.

A suite is a directory with a manifest, `suite.json`, and JSONL files it names, or a single JSONL
file. What is wrong with it is said by file and line, and never by repeating a prompt.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.suite import Prompt, Source, Suite, suite_digest
from gatekeeper.suites._files import read_bytes
from gatekeeper.suites._strict import faults, parse, plain

MANIFEST = "suite.json"

#: In a suite. What an audit can run in a day is some thousands; reading is kept within 1 GB.
MOST_PROMPTS = 1_000_000
#: A text of the longest length allowed, with every character escaped, and the other keys.
_MAX_LINE = 512_000  # bytes

#: Faults told of one suite; a file that is no suite at all would list each of its lines.
_MOST_FAULTS = 100

#: Keys that end up in tables and logs; the text does not.
_SHOWN = frozenset(
    (
        *("id", "seed_id", "category", "language", "wrapper", "source", "licence"),
        *("version", "title"),
    )
)
#: Bits of the number of a line.
_LINES = 32
_SHOWN_OF_SOURCE = frozenset(("name", "version", "origin", "licence", "files", "drawn"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A suite with all that is wrong with it.

    Attributes:
        suite: of what could be read; None if no prompt could.
        faults: in the order of the files, at most 100; empty for a suite to use.
    """

    suite: Suite | None
    faults: tuple[UsageError, ...]


class _EnoughError(Exception):
    """Ends the reading: no more faults are wanted."""


@dataclass(slots=True)
class _Reading:
    """Prompts and faults read so far, over all files."""

    most: int
    languages: frozenset[str] = frozenset()
    language: str = "und"
    licence: str = "unknown"
    prompts: list[Prompt] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    #: id -> number of its file and line in one, which takes little room.
    seen: dict[str, int] = field(default_factory=dict)
    #: Each value that many prompts have in common, once.
    common: dict[str, str] = field(default_factory=dict)
    faults: list[UsageError] = field(default_factory=list)

    def fault(self, error: UsageError) -> None:
        self.faults.append(error)
        if len(self.faults) >= self.most:
            raise _EnoughError


def read_suite(path: Path) -> Suite:
    """The suite at `path`: a directory with a manifest, or a JSONL file.

    A bare file has its name as id and an unknown licence. A row without `language` has the
    manifest's, if that names just one, else `und` (undetermined); one without `licence` has that of
    the manifest.

    Raises:
        UsageError: it is missing, empty, or not as prompt-v1.json and suite-v1.json say.
    """
    scan = _scan(path, most=1)
    if scan.faults:
        raise scan.faults[0]
    if scan.suite is None:
        raise AssertionError("a suite without prompts is a fault")
    return scan.suite


def scan_suite(path: Path) -> Scan:
    """The same with all faults instead of the first.

    Raises:
        UsageError: there is no suite to read.
    """
    return _scan(path, most=_MOST_FAULTS)


def _scan(path: Path, most: int) -> Scan:
    if not path.exists():
        raise UsageError(
            "no such suite",
            where=excerpt(path),
            remedy="give the path of a suite directory (such as suites/core) or a .jsonl file",
        )
    if not path.is_dir() and not path.name.isprintable():  # it becomes the suite's id
        raise UsageError(
            f"a name with unprintable characters: {excerpt(path.name)!r}",
            where=excerpt(path.parent),
            remedy="rename it",
        )
    if not path.is_dir() and (path.suffix != ".jsonl" or not path.is_file()):
        raise UsageError(
            "is not a .jsonl file",
            where=excerpt(path),
            remedy=f"give the directory that holds {MANIFEST}, or a .jsonl file",
        )
    reading = _Reading(most=most)
    files: dict[str, str] = {}
    manifest: dict[str, Any] = {}
    try:
        if path.is_dir():
            manifest = _read_directory(path, reading, files)
        else:
            _read_file(path, reading, files)
        if not reading.prompts and not reading.faults:
            reading.fault(UsageError("has no prompts", where=excerpt(path), remedy="add some"))
    except _EnoughError:
        pass
    readable = reading.prompts and (manifest or not path.is_dir())
    suite = _suite(path, manifest, files, reading) if readable else None
    return Scan(suite=suite, faults=tuple(reading.faults))


def _suite(path: Path, manifest: dict[str, Any], files: dict[str, str], reading: _Reading) -> Suite:
    """The suite of what was read; a file without a manifest has its name for everything."""
    return Suite(
        id=manifest.get("id", excerpt(path.stem)),
        version=manifest.get("version", "unversioned"),
        title=manifest.get("title", excerpt(path.stem)),
        licence=manifest.get("licence", "unknown"),
        digest=suite_digest(files),
        files=files,
        prompts=tuple(reading.prompts),
        sources=tuple(Source(**{"version": None, **s}) for s in manifest.get("sources", ())),
    )


def _read_directory(path: Path, reading: _Reading, files: dict[str, str]) -> dict[str, Any]:
    """Reads the files that the manifest names; the manifest, empty if it is faulty."""
    where = path / MANIFEST
    if not where.is_file():
        raise UsageError(
            f"has no {MANIFEST}", where=excerpt(path), remedy="add one, or give a .jsonl file"
        )
    raw = read_bytes(where)
    files[MANIFEST] = hashlib.sha256(raw).hexdigest()
    manifest = parse(raw, excerpt(where))
    problems = faults(manifest, "suite-v1.json", excerpt(where))
    if not problems:
        problems = [*_not_shown(manifest, excerpt(where))]
        for source in manifest.get("sources", ()):
            problems += _not_shown(source, excerpt(where), _SHOWN_OF_SOURCE)
    for fault in problems:
        reading.fault(fault)
    if problems:  # what a faulty manifest says of its files means nothing
        return {}
    reading.languages = frozenset((*manifest["languages"], "und"))
    if len(manifest["languages"]) == 1:
        reading.language = manifest["languages"][0]
    reading.licence = manifest["licence"]
    for name in manifest["files"]:
        file = path / name
        # The schema allows plain names only; a link could still lead out of the suite.
        if not file.is_file() or file.resolve().parent != path.resolve():
            reading.fault(
                UsageError(
                    f"{excerpt(name)} is not a file of this suite",
                    where=excerpt(where),
                    remedy="put the file beside suite.json",
                )
            )
            continue
        _read_file(file, reading, files)
    checked: dict[str, Any] = manifest
    return checked


def _read_file(path: Path, reading: _Reading, files: dict[str, str]) -> None:
    raw = read_bytes(path)
    files[path.name] = hashlib.sha256(raw).hexdigest()
    _read_prompts(reading, raw, path)


def _read_prompts(reading: _Reading, raw: bytes, path: Path) -> None:
    shown = excerpt(path)
    reading.files.append(shown)
    for number, line in enumerate(io.BytesIO(raw), start=1):
        if line.isspace():
            continue
        where = f"{shown}:{number}"
        try:
            row = _row(line, where)
        except UsageError as error:
            reading.fault(error)
            continue
        problems = faults(row, "prompt-v1.json", where)
        if not problems:
            prompt = _prompt(row, reading)
            problems = [*_not_shown(row, where), *_wrong(prompt, reading, where)]
            reading.seen.setdefault(prompt.id, (len(reading.files) << _LINES) + number)
        for fault in problems:
            reading.fault(fault)
        if not problems:
            reading.prompts.append(prompt)
            if len(reading.prompts) > MOST_PROMPTS:
                raise UsageError(
                    f"has more than {MOST_PROMPTS:,} prompts",
                    where=shown,
                    remedy="make a smaller suite: gatekeeper suite import … --count",
                )


def _row(line: bytes, where: str) -> Any:
    if len(line) > _MAX_LINE:
        raise UsageError(
            f"line is longer than {_MAX_LINE // 1000} kB", where=where, remedy="shorten it"
        )
    return parse(line, where)


def _wrong(prompt: Prompt, reading: _Reading, where: str) -> Iterator[UsageError]:
    """Faults of a prompt that no schema can tell, such as an id that was used before."""
    if not prompt.text.strip():
        yield UsageError("text is blank", where=where, remedy="mend the text")
    if reading.languages and prompt.language not in reading.languages:
        yield UsageError(
            f"language {prompt.language} is not among those of {MANIFEST}",
            where=where,
            remedy=f"add it to languages in {MANIFEST}",
        )
    if first := reading.seen.get(prompt.id):
        before = f"{reading.files[(first >> _LINES) - 1]}:{first & ((1 << _LINES) - 1)}"
        yield UsageError(
            f"id{plain(prompt.id)} was used before, at {before}",
            where=where,
            remedy="give every prompt an id of its own",
        )


def _prompt(row: dict[str, Any], reading: _Reading) -> Prompt:
    common = reading.common
    category = row.get("category", "uncategorised")
    language = row.get("language", reading.language)
    source, licence = row.get("source", "unknown"), row.get("licence", reading.licence)
    return Prompt(
        id=row["id"],
        seed_id=row["seed_id"],
        set=common.setdefault(row["set"], row["set"]),
        category=common.setdefault(category, category),
        language=common.setdefault(language, language),
        text=row["text"],
        source=common.setdefault(source, source),
        licence=common.setdefault(licence, licence),
        wrapper=row.get("wrapper"),
    )


def _not_shown(
    row: dict[str, Any], where: str, keys: frozenset[str] = _SHOWN
) -> Iterator[UsageError]:
    """Faults that could garble a log or a table: control and bidi characters, stray spaces."""
    for key, value in row.items():
        if key in keys and isinstance(value, str) and not showable(value):
            yield UsageError(
                f"{key} holds control, bidi or surrounding space characters",
                where=where,
                remedy="use printable characters",
            )


def showable(value: str) -> bool:
    """Whether a value can stand in a table or log as it is."""
    return value.isprintable() and value == value.strip()
