"""Rows of a CSV file, with their lines and columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.suites._files import wide_encoding
from gatekeeper.suites._rows import Row, refuse_twice

_DELIMITERS = ",;\t|"
#: Excel writes, and reads, the delimiter in a line of its own before the header.
_DELIMITER_LINE = re.compile(r'"?sep=([^"\r\n])"?[\r\n]*', re.IGNORECASE)
#: A spreadsheet exports `=A1&B1` where somebody saw a sentence. Bare `-` and `@` begin prompts too.
_FORMULA = re.compile(r"\s*(=|[+@-][A-Za-z.]+\()")
#: Characters of a cell, which may be a whole reply that nobody asks for.
_LONGEST = 1_000_000
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def csv_rows(
    raw: bytes,
    where: str,
    *,
    encoding: str = "utf-8-sig",
    delimiter: str | None = None,
    ours: bool = False,
) -> tuple[list[str], Iterator[Row]]:
    """Names of the columns, and the rows after them.

    Quoting as in RFC 4180; blank lines are passed over; line ends of any kind.

    Args:
        raw: the file.
        where: its name for messages.
        encoding: a byte order mark is passed over.
        delimiter: None takes that of a first line such as `sep=;`, or the one of `,;<tab>|` that
            the header has most of.
        ours: whether it is in a form of ours: a cell may look like a formula, and no option names
            another encoding or delimiter.

    Raises:
        UsageError: no header, or a column named twice; also the iterator: wrong encoding, broken
            quoting, a row of another length, or a formula.
    """
    csv.field_size_limit(_LONGEST)
    # Decoded as it is read: as one text, a file may take sixteen times its size.
    text = io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline="")
    try:
        first, skipped = text.readline().lstrip(_MARK), 0
        if named := _DELIMITER_LINE.fullmatch(first):
            first, skipped = text.readline(), 1
            delimiter = delimiter or named[1]
    except UnicodeError as error:
        raise _not_text(raw, where, encoding, ours) from error
    likely = Counter(c for c in first if c in _DELIMITERS).most_common(1)
    chosen = delimiter or (likely[0][0] if likely else ",")
    lines = _lines(first, text, raw, where, encoding, ours)
    records = _records(csv.reader(lines, delimiter=chosen, strict=True), where, skipped)
    header = next(records, None)
    if header is None:
        raise UsageError("is empty", where=where, remedy="give a file with a header and prompts")
    names = [name.strip() for name in header[1]]
    refuse_twice(names, f"{where}:{header[0]}")
    return names, _rows(records, names, where, ours)


def _lines(
    first: str, rest: io.TextIOWrapper, raw: bytes, where: str, encoding: str, ours: bool
) -> Iterator[str]:
    yield first
    try:
        yield from rest
    except UnicodeError as error:
        raise _not_text(raw, where, encoding, ours) from error


def _not_text(raw: bytes, where: str, encoding: str, ours: bool) -> UsageError:
    """The error for bytes that do not fit the encoding, with the line that they stand in."""
    at = 0
    try:
        raw.decode(encoding)
    except UnicodeError as error:
        at = getattr(error, "start", 0)
    line = raw.count(b"\n", 0, at) + 1
    column = at - raw.rfind(b"\n", 0, at)
    guess = wide_encoding(raw) or "cp932 or latin-1"
    return UsageError(
        f"invalid {excerpt(encoding.removesuffix('-sig'))} at this byte",
        where=f"{where}:{line}:{column}",
        remedy="save it as UTF-8" + ("" if ours else f", or name its encoding: --encoding {guess}"),
    )


def _records(
    reader: Iterator[list[str]], where: str, skipped: int
) -> Iterator[tuple[int, list[str]]]:
    """(first line, cells) of each record that is not blank."""
    while True:
        line = reader.line_num + 1 + skipped  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # The csv module's own sentences; none repeats the cell.
            open_ = "field larger" in str(error)
            raise UsageError(
                f"broken CSV: {excerpt(error)}",
                where=f"{where}:{line}",
                remedy="look for a quote in this cell that is never closed"
                if open_
                else 'quote cells with ", and double each " inside one',
            ) from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _rows(
    records: Iterator[tuple[int, list[str]]], names: list[str], where: str, ours: bool
) -> Iterator[Row]:
    positions = {name: number for number, name in enumerate(names, start=1)}
    for number, (line, cells) in enumerate(records, start=1):
        place = f"{where}:{line}"
        if len(cells) != len(names):
            raise UsageError(
                f"has {len(cells)} columns, the header {len(names)}",
                where=place,
                remedy="quote cells that hold the delimiter"
                + ("" if ours else ", or name it with --delimiter"),
            )
        for position, cell in enumerate(cells, start=1):
            if not ours and _FORMULA.match(cell):
                raise UsageError(
                    "is a spreadsheet formula",
                    where=f"{place}:{position}",
                    remedy="export values instead of formulas",
                )
        cells_by_name = dict(zip(names, cells, strict=True))
        yield Row(number=number, where=place, cells=cells_by_name, positions=positions)
