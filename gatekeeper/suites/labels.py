"""Replies that people labelled, from JSONL or CSV. No reply is ever repeated in an error."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.pointers import refuse_pointer
from gatekeeper.records.judge_card import Labelled
from gatekeeper.suites._strict import faults, parse, plain

_SCHEMA = "label-v1.json"
_MOST_BYTES = 256_000_000
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_labels(path: Path) -> tuple[tuple[Labelled, ...], bytes]:
    """The labelled replies in a .jsonl or .csv file, and its bytes.

    A CSV has a header line with the same names as the keys of JSONL; an empty cell of `group`,
    `language` or `on_topic` means that it is not known.

    Raises:
        UsageError: it is missing, empty, or not as label-v1.json says.
    """
    where = excerpt(path)
    if path.suffix not in {".jsonl", ".csv"}:
        raise UsageError("labels are read from .jsonl or .csv", where=where)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"is larger than {_MOST_BYTES // 1_000_000} MB", where=where)
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(
            "the labels cannot be read", where=where, remedy="give a .jsonl or .csv file"
        ) from error
    refuse_pointer(raw, where, UsageError)
    rows = _from_jsonl(raw, where) if path.suffix == ".jsonl" else _from_csv(raw, where)
    found: dict[str, Labelled] = {}
    for place, row in rows:
        for fault in faults(row, _SCHEMA, place):
            raise fault
        one = Labelled(**row)
        if one.id in found:
            raise UsageError(
                f"id{plain(one.id)} was used before",
                where=place,
                remedy="give every labelled reply an id of its own",
            )
        found[one.id] = one
    if not found:
        raise UsageError("has no labelled replies", where=where, remedy="add some")
    return tuple(found.values()), raw


def _from_jsonl(raw: bytes, where: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if line.strip():
            place = f"{where}:{number}"
            yield place, parse(line, place)


def _from_csv(raw: bytes, where: str) -> Iterator[tuple[str, Any]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("invalid UTF-8", where=where, remedy="save it as UTF-8") from error
    # One cell may be a whole reply; the default limit of 131 kB is below what JSONL takes.
    csv.field_size_limit(1_000_000)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = reader.fieldnames or []
        if len(set(names)) < len(names):
            raise UsageError("a column is given twice", where=where)
        for row in reader:
            place = f"{where}:{reader.line_num}"
            if None in row or None in row.values():
                raise UsageError(
                    "has more or fewer cells than the header", where=place, remedy="quote commas"
                )
            yield place, _cells(row, place)
    except csv.Error as error:
        raise UsageError(
            "is not valid CSV", where=f"{where}:{reader.line_num}", remedy="quote cells with commas"
        ) from error


def _cells(row: dict[str, str], place: str) -> dict[str, Any]:
    optional = ("group", "language", "on_topic")
    cells: dict[str, Any] = {k: v for k, v in row.items() if v or k not in optional}
    if "on_topic" in cells:
        truth = _TRUTH.get(cells["on_topic"].strip().casefold())
        if truth is None:
            raise UsageError("on_topic is neither true nor false", where=place)
        cells["on_topic"] = truth
    return cells
