"""JSONL files: one object a line, strings under the keys that hold what a prompt needs."""

from __future__ import annotations

import io
from collections.abc import Iterator

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.suites._rows import (
    Row,
    chosen_columns,
    file_prompts,
    from_file,
    own_licence,
    read_file,
    too_many,
)
from gatekeeper.suites._strict import parse
from gatekeeper.suites.read import MOST_PROMPTS

_MAX_LINE = 4_000_000  # bytes: rows of foreign files carry replies and scores besides


def _read(request: ImportRequest) -> Imported:
    own_licence(request)  # before the file: it is the quicker thing to mend
    raw = read_file(request)
    where = excerpt(request.path)
    # Read twice: the rows of a large file, with all that is in them, take ten times its size.
    names = dict.fromkeys(name for row in _rows(raw, where) for name in row.cells)
    if not raw.strip():
        raise UsageError("has no rows", where=where, remedy="give a file with prompts")
    prompts = file_prompts(_rows(raw, where), chosen_columns(names, request, where), request)
    return from_file(request, raw, prompts)


def _rows(raw: bytes, where: str) -> Iterator[Row]:
    number = 0
    for line_number, line in enumerate(io.BytesIO(raw), start=1):
        if line.isspace():
            continue
        number += 1
        if number > MOST_PROMPTS:
            raise too_many(where)
        place = f"{where}:{line_number}"
        if len(line) > _MAX_LINE:
            raise UsageError(
                f"line is longer than {_MAX_LINE // 1_000_000} MB",
                where=place,
                remedy="one JSON object per line",
            )
        value = parse(line, place)
        if not isinstance(value, dict):
            raise UsageError("is no JSON object", where=place, remedy="one JSON object per line")
        yield Row(number=number, where=place, cells=value)


IMPORTER = Importer(
    id="jsonl",
    title="JSONL file, one prompt an object",
    read=_read,
    suffixes=(".jsonl", ".ndjson"),
)
