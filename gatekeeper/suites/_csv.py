"""Rows of a CSV file, with their lines and columns."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.suites._rows import Row, refuse_twice

_DELIMITERS = ",;\t|"
#: A spreadsheet exports `=A1&B1` where somebody saw a sentence. Bare `-` and `@` begin prompts too.
_FORMULA = re.compile(r"\s*(=|[+@-][A-Za-z.]+\()")


def csv_rows(
    raw: bytes, where: str, *, encoding: str = "utf-8-sig", delimiter: str | None = None
) -> tuple[list[str], Iterator[Row]]:
    """Names of the columns, and the rows after them.

    Quoting as in RFC 4180; blank lines are passed over; line ends of any kind.

    Args:
        raw: the file.
        where: its name for messages.
        encoding: a byte order mark is passed over.
        delimiter: None takes the one of `,;<tab>|` that the first line has most of.

    Raises:
        UsageError: wrong encoding, no header, a column named twice; the iterator: broken quoting,
            a row of another length, or a formula.
    """
    text = _decoded(raw, where, encoding)
    first = text.partition("\n")[0]
    likely = Counter(c for c in first if c in _DELIMITERS).most_common(1)
    chosen = delimiter or (likely[0][0] if likely else ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=chosen, strict=True)
    header = next(_records(reader, where), None)
    if header is None:
        raise UsageError("is empty", where=where, remedy="give a file with a header and prompts")
    names = [name.strip() for name in header[1]]
    refuse_twice(names, f"{where}:{header[0]}")
    return names, _rows(reader, names, where)


def _decoded(raw: bytes, where: str, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        line = raw.count(b"\n", 0, at) + 1
        column = at - raw.rfind(b"\n", 0, at)
        wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        guess = "utf-16" if wide else "cp932 or latin-1"
        raise UsageError(
            f"invalid {excerpt(encoding.removesuffix('-sig'))} at this byte",
            where=f"{where}:{line}:{column}",
            remedy=f"save it as UTF-8, or name its encoding: --encoding {guess}",
        ) from None


def _records(reader: Iterator[list[str]], where: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, cells) of each record that is not blank."""
    while True:
        line = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # The csv module's own sentences; none repeats the cell.
            raise UsageError(
                f"broken CSV: {excerpt(error)}",
                where=f"{where}:{line}",
                remedy='quote cells with ", and double each " inside one',
            ) from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _rows(reader: Iterator[list[str]], names: list[str], where: str) -> Iterator[Row]:
    positions = {name: number for number, name in enumerate(names, start=1)}
    for number, (line, cells) in enumerate(_records(reader, where), start=1):
        place = f"{where}:{line}"
        if len(cells) != len(names):
            raise UsageError(
                f"has {len(cells)} columns, the header {len(names)}",
                where=place,
                remedy="quote cells that hold the delimiter, or name it with --delimiter",
            )
        for position, cell in enumerate(cells, start=1):
            if _FORMULA.match(cell):
                raise UsageError(
                    "is a spreadsheet formula",
                    where=f"{place}:{position}",
                    remedy="export values instead of formulas",
                )
        cells_by_name = dict(zip(names, cells, strict=True))
        yield Row(number=number, where=place, cells=cells_by_name, positions=positions)
