"""The interface of importers: what a request to one holds, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper.records.suite import Prompt, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """The options of an import that an importer is given.

    Attributes:
        name: prefix of the ids it makes; no other source of the same import has it.
        path: the file or directory to read; None for an importer of a package.
        places: wheels and directories to look for packages in before the installed ones.
        columns: field -> name of the column that holds it, of those that were named.
        fixed: field -> value for all rows, of those that were given.
        licence: of a file's texts, if it was given.
        delimiter: of a CSV file; None to take the likeliest.
        encoding: of a CSV file.
        requests: harmful requests of the other sources, for importers that wrap them.
        per_request: rewrites of each of them.
    """

    name: str
    path: Path | None = None
    places: tuple[Path, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    licence: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8-sig"
    requests: tuple[Prompt, ...] = ()
    per_request: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """All prompts of a source; `source.count` is their number."""

    prompts: tuple[Prompt, ...]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """A way to get prompts out of a file or an installed package.

    Attributes:
        title: a noun phrase for tables.
        read: raises UsageError with file and line (and column, where there is one) for what it
            cannot take, without repeating a prompt.
        suffixes: endings of the files it reads; none for a package or a directory.
        package: name of the distribution it reads; None if it reads what the user names.
        wraps: whether it rewrites harmful requests of the other sources instead of having its own.
    """

    id: str
    title: str
    read: Callable[[ImportRequest], Imported]
    suffixes: tuple[str, ...] = ()
    package: str | None = None
    wraps: bool = False
