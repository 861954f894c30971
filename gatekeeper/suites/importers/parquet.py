"""Parquet files, through pyarrow, which is an extra: `pip install 'moe-gatekeeper[parquet]'`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import numpy as np

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.suites._files import MAX_FILE
from gatekeeper.suites._rows import (
    Row,
    chosen_columns,
    file_prompts,
    from_file,
    own_licence,
    read_file,
    refuse_twice,
    too_many,
)
from gatekeeper.suites._strict import plain
from gatekeeper.suites.read import MOST_PROMPTS

_BATCH = 16_384  # rows decoded at once
_SLICE = 1024  # of them, rows made into Python's text at once
#: Encodings of texts that pyarrow can read without a copy for each row, and those of levels.
_KEPT_ONCE = frozenset({"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"})


def _read(request: ImportRequest) -> Imported:
    own_licence(request)  # before the file: it is the quicker thing to mend
    raw = read_file(request, binary=True)
    where = excerpt(request.path)
    pyarrow, parquet = _pyarrow(where)
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(raw))
        names = file.schema_arrow.names
        refuse_twice(names, where)
        columns = chosen_columns(names, request, where)
        used = sorted(set(columns.values()))
        texts = [name for name in used if _is_text(pyarrow, file.schema_arrow, name, where)]
        batch, twins = _ways(file.metadata, texts, where)
        # A text that repeats is kept once where the file stores it once: a few kB can stand for GB.
        file = parquet.ParquetFile(pyarrow.BufferReader(raw), read_dictionary=twins)
        _refuse_large(file, used, batch, where)
        prompts = file_prompts(_rows(file, used, batch, where), columns, request)
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


def _is_text(pyarrow: Any, schema: Any, name: str, where: str) -> bool:
    """Whether a column holds text or bytes; if not, numbers, of which a row can tell.

    Raises:
        UsageError: it holds lists, structures, times or whatever else no prompt is made of.
    """
    kind, types = schema.field(name).type, pyarrow.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if str(kind) in {"string", "large_string", "string_view", "binary", "large_binary"}:
        return True
    if (types.is_primitive(kind) and not types.is_temporal(kind)) or types.is_null(kind):
        return False
    # The rest of a type's name may hold names of the file's own.
    word = re.match("[a-z_]*", str(kind))
    raise UsageError(
        f"column{plain(name)} holds {word and word[0]}, not text",
        where=where,
        remedy="write it again, with strings in its columns",
    )


def _ways(metadata: Any, texts: list[str], where: str) -> tuple[int, list[str]]:
    """How many rows to decode at once, and the columns whose repeated texts can be kept once.

    Of others a value can be as long as all that the file stores, and stand in every row of a batch.

    Raises:
        UsageError: what the file stores of the texts is too large.
    """
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    chunks = (group.column(i) for group in groups for i in range(metadata.num_columns))
    stored, other = 0, set()
    for chunk in chunks:
        if chunk.path_in_schema in texts:
            stored += chunk.total_uncompressed_size
            if not _KEPT_ONCE.issuperset(chunk.encodings):
                other.add(chunk.path_in_schema)
    if stored > MAX_FILE:
        raise _too_large(where)
    batch = min(_SLICE, MAX_FILE // max(1, stored)) if other else _BATCH
    return batch, [name for name in texts if name not in other]


def _refuse_large(file: Any, used: list[str], batch: int, where: str) -> None:
    """By what it unpacks to, before a row of it is made."""
    batches = file.iter_batches(batch_size=batch, columns=used)
    unpacked = accumulate(sum(map(_unpacked, batch.columns)) for batch in batches)
    if any(size > MAX_FILE for size in unpacked):
        raise _too_large(where)
    if file.metadata.num_rows > MOST_PROMPTS:
        raise too_many(where)


def _too_large(where: str) -> UsageError:
    return UsageError(
        f"unpacks to more than {MAX_FILE // 1_000_000} MB",
        where=where,
        remedy="split it, or keep fewer rows",
    )


def _rows(file: Any, used: list[str], batch: int, where: str) -> Iterator[Row]:
    number = 0
    for decoded in file.iter_batches(batch_size=batch, columns=used):
        for start in range(0, decoded.num_rows, _SLICE):
            for cells in decoded.slice(start, _SLICE).to_pylist():
                number += 1
                yield Row(number=number, where=f"{where}: row {number}", cells=cells)


def _unpacked(column: Any) -> int:
    """Bytes of a column's values, each counted as often as it stands in a row."""
    if not hasattr(column, "dictionary"):
        return int(column.nbytes)
    values, indices = column.dictionary, column.indices.drop_null().to_numpy()
    wide = str(values.type).startswith("large")
    ends = np.frombuffer(values.buffers()[1], np.int64 if wide else np.int32)
    ends = ends[values.offset : values.offset + len(values) + 1].astype(np.int64)
    return int((ends[indices + 1] - ends[indices]).sum())


IMPORTER = Importer(
    id="parquet", title="Parquet file, one prompt a row", read=_read, suffixes=(".parquet",)
)
