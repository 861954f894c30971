"""Replies that people labelled, from JSONL or CSV. No reply is ever repeated in an error."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.judge_card import Labelled
from gatekeeper.suites._csv import csv_rows
from gatekeeper.suites._files import read_bytes
from gatekeeper.suites._strict import faults, parse, plain

_SCHEMA = "label-v1.json"
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_labels(path: Path) -> tuple[tuple[Labelled, ...], bytes]:
    """The labelled replies in a .jsonl or .csv file, and its bytes.

    A reply whose label is empty was left out by whoever labelled. A CSV has a header line with the
    same names as the keys of JSONL; an empty cell of `group`, `language`, `on_topic` or
    `checkpoint` means that it is not known.

    Raises:
        UsageError: it is missing, empty, or not as label-v1.json says.
    """
    where = excerpt(path)
    if path.suffix not in {".jsonl", ".csv"}:
        raise UsageError(
            "labels are read from .jsonl or .csv", where=where, remedy="save the sheet as .csv"
        )
    raw = read_bytes(path)
    rows = _from_jsonl(raw, where) if path.suffix == ".jsonl" else _from_csv(raw, where)
    by_id: dict[str, Labelled] = {}
    for place, row in rows:
        if isinstance(row, dict) and row.get("label") == "":
            continue
        for fault in faults(row, _SCHEMA, place):
            raise fault
        reply = Labelled(**row, where=place)
        if reply.id in by_id:
            raise UsageError(
                f"id{plain(reply.id)} was used before",
                where=place,
                remedy="give every labelled reply an id of its own",
            )
        by_id[reply.id] = reply
    if not by_id:
        raise UsageError("has no labelled replies", where=where, remedy="add some")
    return tuple(by_id.values()), raw


def _from_jsonl(raw: bytes, where: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(io.BytesIO(raw), start=1):
        if not line.isspace():
            place = f"{where}:{number}"
            yield place, parse(line, place)


def _from_csv(raw: bytes, where: str) -> Iterator[tuple[str, Any]]:
    names, rows = csv_rows(raw, where, ours=True)
    for row in rows:
        yield row.where, _cells({name: str(row.cells[name]) for name in names}, row.where)


def _cells(row: dict[str, str], place: str) -> dict[str, Any]:
    optional = ("group", "language", "on_topic", "checkpoint")
    cells: dict[str, Any] = {k: v for k, v in row.items() if v or k not in optional}
    if "label" in cells:
        cells["label"] = cells["label"].strip().casefold()
    if "on_topic" in cells:
        truth = _TRUTH.get(cells["on_topic"].strip().casefold())
        if truth is None:
            raise UsageError("on_topic is neither true nor false", where=place)
        cells["on_topic"] = truth
    return cells
