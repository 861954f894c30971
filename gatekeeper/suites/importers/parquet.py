"""Parquet files, through pyarrow, which is an extra: `pip install 'moe-gatekeeper[parquet]'`."""

from __future__ import annotations

import importlib.util

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.suites._parquet import parquet_reader
from gatekeeper.suites._rows import (
    Row,
    chosen_columns,
    file_prompts,
    from_file,
    own_licence,
    read_file,
    refuse_twice,
)


def _read(request: ImportRequest) -> Imported:
    own_licence(request)  # before the file: it is the quicker thing to mend
    raw = read_file(request, binary=True)
    where = excerpt(request.path)
    if importlib.util.find_spec("pyarrow") is None:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed",
            where=where,
            remedy="pip install 'moe-gatekeeper[parquet]', or convert the file to CSV",
        )
    with parquet_reader(raw, where) as reader:
        refuse_twice(reader.names, where)
        columns = chosen_columns(reader.names, request, where)
        cells = enumerate(reader.rows(sorted(set(columns.values()))), start=1)
        rows = (Row(number=n, where=f"{where}: row {n}", cells=values) for n, values in cells)
        prompts = file_prompts(rows, columns, request)
    return from_file(request, raw, prompts)


IMPORTER = Importer(
    id="parquet", title="Parquet file, one prompt a row", read=_read, suffixes=(".parquet",)
)
