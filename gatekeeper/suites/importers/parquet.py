"""Parquet files, through pyarrow, which is an extra: `pip install 'moe-gatekeeper[parquet]'`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.suites._rows import (
    Row,
    chosen_columns,
    file_prompts,
    from_file,
    own_licence,
    read_file,
)
from gatekeeper.suites.read import MAX_FILE

_BATCH = 1024  # rows decoded at once


def _read(request: ImportRequest) -> Imported:
    own_licence(request)  # before the file: it is the quicker thing to mend
    raw = read_file(request)
    where = excerpt(request.path)
    pyarrow, parquet = _pyarrow(where)
    try:
        file = parquet.ParquetFile(io.BytesIO(raw))
        columns = chosen_columns(file.schema_arrow.names, request, where)
        prompts = file_prompts(_rows(file, columns, where), columns, request)
    except (pyarrow.ArrowException, OSError, ValueError, NotImplementedError) as error:
        # Its messages quote the file; the kind of error is all that may be told.
        raise UsageError(
            f"is no Parquet file that can be read ({type(error).__name__})",
            where=where,
            remedy="write it again, with strings in its columns",
        ) from None
    return from_file(request, raw, prompts)


def _pyarrow(where: str) -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed",
            where=where,
            remedy="pip install 'moe-gatekeeper[parquet]', or convert the file to CSV",
        ) from error
    return pyarrow, parquet


def _rows(file: Any, columns: dict[str, str], where: str) -> Iterator[Row]:
    """Rows of the columns needed. A small file can unpack into a huge one: its size is counted."""
    number, size = 0, 0
    for batch in file.iter_batches(batch_size=_BATCH, columns=sorted(set(columns.values()))):
        size += batch.nbytes
        if size > MAX_FILE:
            raise UsageError(
                f"unpacks to more than {MAX_FILE // 1_000_000} MB",
                where=where,
                remedy="split it, or keep fewer rows",
            )
        for cells in batch.to_pylist():
            number += 1
            yield Row(number=number, where=f"{where}: row {number}", cells=cells)


IMPORTER = Importer(
    id="parquet", title="Parquet file, one prompt a row", read=_read, suffixes=(".parquet",)
)
