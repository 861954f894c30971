"""Prompt suites from disk.

A suite is a directory with a manifest, `suite.json`, and JSONL files it names, or a single JSONL
file. What is wrong with it is said by file and line, and never by repeating a prompt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.suite import Prompt, Suite
from gatekeeper.suites._strict import check, parse, plain

MANIFEST = "suite.json"

_MAX_FILE = 256_000_000  # bytes
#: A text of the longest length allowed, with every character escaped, and the other keys.
_MAX_LINE = 512_000  # bytes

#: Keys that end up in tables and logs; the text does not.
_SHOWN = ("id", "seed_id", "category", "language", "source", "licence", "version", "title")


@dataclass(slots=True)
class _Reading:
    """Prompts read so far, over all files."""

    languages: tuple[str, ...]
    prompts: list[Prompt] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)  # id -> file:line


def read_suite(path: Path) -> Suite:
    """The suite at `path`: a directory with a manifest, or a JSONL file.

    A bare file has its name as id and an unknown licence. A row without `language` has the
    manifest's, if that names just one, else `und` (undetermined).

    Raises:
        UsageError: it is missing, empty, or not as prompt-v1.json and suite-v1.json say.
    """
    if path.is_dir():
        return _read_directory(path)
    if not path.is_file():
        raise UsageError(
            "no such suite", where=excerpt(path), remedy="give a suite directory or a .jsonl file"
        )
    if path.suffix != ".jsonl":
        raise UsageError(
            "is not a .jsonl file",
            where=excerpt(path),
            remedy=f"give the directory that holds {MANIFEST}, or a .jsonl file",
        )
    raw = _read(path)
    reading = _Reading(languages=())
    _read_prompts(reading, raw, path)
    return Suite(
        id=excerpt(path.stem),
        version="unversioned",
        title=excerpt(path.stem),
        licence="unknown",
        digest=_digest({path.name: raw}),
        prompts=_not_empty(reading, path),
    )


def _read_directory(path: Path) -> Suite:
    where = path / MANIFEST
    if not where.is_file():
        raise UsageError(
            f"has no {MANIFEST}", where=excerpt(path), remedy="add one, or give a .jsonl file"
        )
    files = {MANIFEST: _read(where)}
    manifest = check(parse(files[MANIFEST], excerpt(where)), "suite-v1.json", excerpt(where))
    _check_shown(manifest, excerpt(where))
    reading = _Reading(languages=tuple(manifest["languages"]))
    for name in manifest["files"]:
        file = path / name
        # The schema allows plain names only; a link could still lead out of the suite.
        if not file.is_file() or file.resolve().parent != path.resolve():
            raise UsageError(
                f"{excerpt(name)} is not a file of this suite",
                where=excerpt(where),
                remedy="put the file beside suite.json",
            )
        files[name] = _read(file)
        _read_prompts(reading, files[name], file)
    return Suite(
        id=manifest["id"],
        version=manifest["version"],
        title=manifest["title"],
        licence=manifest["licence"],
        digest=_digest(files),
        prompts=_not_empty(reading, path),
    )


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_FILE:
        raise UsageError(
            f"is larger than {_MAX_FILE // 1_000_000} MB",
            where=excerpt(path),
            remedy="split it into files of one suite",
        )
    return path.read_bytes()


def _digest(files: dict[str, bytes]) -> str:
    """`sha256:` over the sorted `<hash>  <name>` lines, as `sha256sum` prints them."""
    lines = "".join(
        f"{hashlib.sha256(raw).hexdigest()}  {name}\n" for name, raw in sorted(files.items())
    )
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def _not_empty(reading: _Reading, path: Path) -> tuple[Prompt, ...]:
    if not reading.prompts:
        raise UsageError("has no prompts", where=excerpt(path), remedy="add some")
    return tuple(reading.prompts)


def _lines(raw: bytes, path: Path) -> Iterator[tuple[str, bytes]]:
    """`file:line` and bytes of every line that is not blank."""
    for number, line in enumerate(raw.split(b"\n"), start=1):
        where = f"{excerpt(path)}:{number}"
        if len(line) > _MAX_LINE:
            raise UsageError(
                f"line is longer than {_MAX_LINE // 1000} kB", where=where, remedy="shorten it"
            )
        if line.strip():
            yield where, line


def _read_prompts(reading: _Reading, raw: bytes, path: Path) -> None:
    for where, line in _lines(raw, path):
        row = check(parse(line, where), "prompt-v1.json", where)
        _check_shown(row, where)
        if not _encodable(row["text"]) or not row["text"].strip():
            raise UsageError(
                "text is blank or holds half a surrogate pair", where=where, remedy="mend the text"
            )
        prompt = _prompt(row, reading.languages)
        if reading.languages and prompt.language not in (*reading.languages, "und"):
            raise UsageError(
                f"language {prompt.language} is not among those of {MANIFEST}",
                where=where,
                remedy=f"add it to languages in {MANIFEST}",
            )
        if first := reading.seen.get(prompt.id):
            raise UsageError(
                f"id{plain(prompt.id)} was used before, at {first}",
                where=where,
                remedy="give every prompt an id of its own",
            )
        reading.seen[prompt.id] = where
        reading.prompts.append(prompt)


def _prompt(row: dict[str, Any], languages: tuple[str, ...]) -> Prompt:
    return Prompt(
        id=row["id"],
        seed_id=row["seed_id"],
        set=row["set"],
        category=row.get("category", "uncategorised"),
        language=row.get("language", languages[0] if len(languages) == 1 else "und"),
        text=row["text"],
        source=row.get("source", "unknown"),
    )


def _check_shown(row: dict[str, Any], where: str) -> None:
    """Refuse what could turn a log or a table around: control and bidi characters, stray spaces."""
    for key in _SHOWN:
        value = row.get(key)
        if isinstance(value, str) and not (value.isprintable() and value == value.strip()):
            raise UsageError(
                f"{key} holds control, bidi or surrounding space characters",
                where=where,
                remedy="use printable characters",
            )


def _encodable(text: str) -> bool:
    """Whether text can be written as UTF-8; JSON escapes can spell half a surrogate pair."""
    return not any("\ud800" <= c <= "\udfff" for c in text)
