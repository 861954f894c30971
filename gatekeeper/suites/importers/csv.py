"""CSV files: delimiters `,` `;` tab `|`, quoting as in RFC 4180, any encoding that is named."""

from __future__ import annotations

from gatekeeper.errors import excerpt
from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.suites._csv import csv_rows
from gatekeeper.suites._rows import (
    chosen_columns,
    file_prompts,
    from_file,
    own_licence,
    read_file,
)


def _read(request: ImportRequest) -> Imported:
    own_licence(request)  # before the file: it is the quicker thing to mend
    raw = read_file(request)
    where = excerpt(request.path)
    names, rows = csv_rows(raw, where, encoding=request.encoding, delimiter=request.delimiter)
    prompts = file_prompts(rows, chosen_columns(names, request, where), request)
    return from_file(request, raw, prompts)


IMPORTER = Importer(
    id="csv", title="CSV file, one prompt a row", read=_read, suffixes=(".csv", ".tsv")
)
