"""Makes prompts from rows of a foreign file: checks each cell, and says where a fault is."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper.errors import UsageError, encodable, excerpt
from gatekeeper.records.importing import Imported, ImportRequest
from gatekeeper.records.suite import SETS, Prompt, Source
from gatekeeper.suites._files import read_bytes
from gatekeeper.suites._strict import plain
from gatekeeper.suites.read import MOST_PROMPTS, showable

#: As prompt-v1.json allows.
_LONGEST = {
    **{"text": 32_000, "category": 200, "language": 64, "seed_id": 128, "set": 64},
    "wrapper": 200,
}
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: A column is named in a message only if it looks like a name: a file without a header row has a
#: prompt in its place.
_NAMES_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a file.

    Attributes:
        number: from 1, without the header; makes the id.
        where: `file:line`.
        positions: column -> its number in the line, where lines have such.
    """

    number: int
    where: str
    cells: Mapping[str, object]
    positions: Mapping[str, int] = field(default_factory=dict)

    def place(self, column: str) -> str:
        """`file:line:column`, or `file:line`."""
        position = self.positions.get(column)
        return self.where if position is None else f"{self.where}:{position}"


def refuse_twice(names: Iterable[str], where: str) -> None:
    """Refuses columns of one name: a reader takes the first of them, another the last.

    Raises:
        UsageError: there are some.
    """
    twice = next((name for name, n in Counter(names).items() if n > 1), None)
    if twice is not None:
        raise UsageError(f"column{plain(twice)} is there twice", where=where, remedy="rename one")


def chosen_columns(known: Iterable[str], request: ImportRequest, where: str) -> dict[str, str]:
    """Field -> column: those named, else those of the field's own name that are there.

    A value given for all rows goes before a column that nobody named.

    Raises:
        UsageError: a named column is not there, or none holds the text.
    """
    names = list(known)
    chosen: dict[str, str] = {
        name: name
        for name in ("set", "category", "language", "seed_id", "wrapper")
        if name in names and name not in request.fixed
    }
    chosen |= {"text": "text", **request.columns}
    for name, column in chosen.items():
        if column not in names:
            option = name.removesuffix("_id")
            shown = [n for n in names if plain(n)][:_NAMES_SHOWN]
            raise UsageError(
                f"has no column{plain(column)}",
                where=where,
                remedy=f"name one with --{option}-column; it has {', '.join(shown) or 'no name'}",
            )
    if "set" not in chosen and "set" not in request.fixed:
        raise UsageError(
            "does not say which set its prompts are of",
            where=where,
            remedy=f"--set with one of {', '.join(SETS)}, or --set-column",
        )
    return chosen


def file_prompts(
    rows: Iterable[Row], columns: Mapping[str, str], request: ImportRequest
) -> tuple[Prompt, ...]:
    """A prompt for each row.

    Raises:
        UsageError: a cell cannot be used, or there is no row, or there are too many.
    """
    path = excerpt(request.path or request.name)
    prompts: list[Prompt] = []
    for row in rows:
        if len(prompts) == MOST_PROMPTS:
            raise too_many(path)
        prompts.append(_prompt(row, columns, request))
    if not prompts:
        raise UsageError("has no rows", where=path, remedy="give a file with prompts")
    return tuple(prompts)


def _prompt(row: Row, columns: Mapping[str, str], request: ImportRequest) -> Prompt:
    values = dict(request.fixed)
    for name, column in columns.items():
        value = cell_text(row, column, name, _LONGEST[name])
        if value or name == "text":
            values[name] = value
    if values.get("set") not in SETS:
        raise UsageError(
            "set has an unknown value" if values.get("set") else "set is empty",
            where=row.place(columns.get("set", "")),
            remedy=f"one of {', '.join(SETS)}",
        )
    language = values.get("language", "und")
    if not _LANGUAGE.fullmatch(language):
        raise UsageError(
            "language is no language tag",
            where=row.place(columns.get("language", "")),
            remedy="such as en or ja",
        )
    prompt_id = f"{request.name}-{row.number:04d}"
    file = excerpt(request.path.name) if request.path else request.name
    return Prompt(
        id=prompt_id,
        seed_id=values.get("seed_id", prompt_id),
        set=values["set"],
        category=values.get("category", "uncategorised"),
        language=language,
        text=values["text"],
        source=f"{file}, row {row.number}",
        licence=request.licence or "unknown",
        wrapper=values.get("wrapper"),
    )


def cell_text(row: Row, column: str, name: str, longest: int) -> str:
    """The cell as text that a suite may hold; empty only where it may be.

    Raises:
        UsageError: it is missing, no text, too long, blank or of characters no prompt has.
    """
    value = row.cells.get(column)
    if name == "seed_id" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None and name != "text":
        return ""
    fault = _fault(value, name, longest)
    if fault is not None:
        message, remedy = fault
        raise UsageError(f"{name} {message}", where=row.place(column), remedy=remedy)
    return str(value)


def _fault(value: object, name: str, longest: int) -> tuple[str, str] | None:
    """What is wrong with a cell, and the remedy."""
    if not isinstance(value, str):
        said = "is missing" if value is None else f"is a {type(value).__name__}, not text"
        return said, "give a string"
    if name == "text" and not value.strip():
        return "is blank", "fill the cell or remove the row"
    if len(value) > longest:
        return f"is longer than {longest} characters", "shorten it or remove the row"
    if _CONTROL.search(value) or not encodable(value):
        return "holds control characters or half a surrogate pair", "mend the cell"
    if name != "text" and not showable(value):
        return "holds line breaks, bidi or surrounding space characters", "mend the cell"
    return None


def too_many(where: str | None) -> UsageError:
    """The error for a file with more rows than a suite may have prompts."""
    return UsageError(
        f"has more than {MOST_PROMPTS:,} rows", where=where, remedy="split it, or keep fewer rows"
    )


def require_path(request: ImportRequest) -> Path:
    """The path asked for.

    Raises:
        UsageError: there is nothing.
    """
    if request.path is None or not request.path.exists():
        raise UsageError(
            "no such file",
            where=excerpt(request.path or request.name),
            remedy="give a file, a suite directory, or a source that `gatekeeper catalog` lists",
        )
    return request.path


def read_file(request: ImportRequest, *, binary: bool = False) -> bytes:
    """The bytes of the file asked for, see `read_bytes`.

    Raises:
        UsageError: also if it is empty.
    """
    path = require_path(request)
    raw = read_bytes(path, binary=binary)
    if not raw:
        raise UsageError("is empty", where=excerpt(path), remedy="give a file with prompts")
    return raw


def own_licence(request: ImportRequest) -> str:
    """The licence given for a file.

    Raises:
        UsageError: there is none.
    """
    if not request.licence:
        raise UsageError(
            "its licence is not known",
            where=excerpt(request.path),
            remedy="add --licence, for example --licence MIT or --licence proprietary",
        )
    return request.licence


def from_file(request: ImportRequest, raw: bytes, prompts: tuple[Prompt, ...]) -> Imported:
    """What a file gave, with its name, licence and digest."""
    name = excerpt(request.path.name).strip() if request.path else request.name
    source = Source(
        name=name,
        version=None,
        origin="file",
        licence=own_licence(request),
        files=name,
        sha256=sha256(raw),
        count=len(prompts),
        drawn="all",
    )
    return Imported(prompts=prompts, source=source)


def sha256(raw: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(raw).hexdigest()
