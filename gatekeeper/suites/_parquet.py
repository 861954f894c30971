"""A Parquet file, read by a process of its own.

pyarrow ends the process on some damaged files, and a page can claim gigabytes: here that is the end
of a child with limits, and a refusal.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from gatekeeper._process import start_unhearing
from gatekeeper.errors import UsageError
from gatekeeper.suites._files import MAX_FILE
from gatekeeper.suites._rows import too_many
from gatekeeper.suites._strict import plain
from gatekeeper.suites.read import MOST_PROMPTS

_BATCH = 16_384  # rows decoded at once
_SLICE = 1024  # of them, rows made into Python's text at once
#: Encodings of texts that pyarrow can read without a copy for each row, and those of levels.
_KEPT_ONCE = frozenset({"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"})
#: Bytes of addresses and seconds of computing that the child gets.
_MOST_MEMORY, _MOST_SECONDS = 6 << 30, 300

#: Bytes of one cell: a hundred times those of the longest prompt, and far from filling the memory
#: in the copies that are made of it.
_LONGEST_CELL = 12_800_000


class ParquetReader:
    """The names of a file's columns, and then its rows.

    Raises:
        UsageError: from everything: the file cannot be read, is too large, or holds something else
            than text.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        self._connection = connection
        self._where = where
        self.names: list[str] = self._next()

    def rows(self, used: list[str]) -> Iterator[dict[str, object]]:
        """The cells of each row in these columns."""
        self._connection.send(used)
        while cells := self._next():
            yield from cells

    def _next(self) -> Any:
        try:
            kind, value = self._connection.recv()
        except (EOFError, OSError):
            raise UsageError(
                "cannot be read: it is damaged, or takes more memory or time than there is",
                where=self._where,
                remedy="write it again with fewer rows, or raise the limits (ulimit -v, ulimit -t)",
            ) from None
        if kind == "refused":
            message, remedy = value
            raise UsageError(message, where=self._where, remedy=remedy)
        if kind == "broken":
            raise UsageError(
                f"is no Parquet file that can be read ({value})",
                where=self._where,
                remedy="write it again, with strings in its columns",
            )
        return value


@contextmanager
def parquet_reader(raw: bytes, where: str) -> Iterator[ParquetReader]:
    """A reader of these bytes; its process ends with the block.

    Raises:
        UsageError: see `ParquetReader`.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_serve, args=(there,), daemon=True)
    with closing(here):
        start_unhearing(child)
        there.close()
        try:
            with suppress(OSError):  # a child that is gone already, which its first answer tells
                here.send_bytes(raw)
            yield ParquetReader(here, where)
        finally:
            child.kill()
            child.join()


def _serve(connection: Connection) -> None:
    """The child: bytes in, names out, columns in, rows out."""
    # What C++ says before it ends the process is no line of ours.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _bound(resource.RLIMIT_CPU, _MOST_SECONDS)
    import pyarrow
    from pyarrow import parquet

    _bound(resource.RLIMIT_AS, _MOST_MEMORY)
    raw = connection.recv_bytes()
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(raw))
        connection.send(("names", file.schema_arrow.names))
        used = connection.recv()
        texts = [name for name in used if _is_text(pyarrow, file.schema_arrow, name)]
        batch, twins = _ways(file.metadata, texts)
        # A text that repeats is kept once where the file stores it once: a few kB can stand for GB.
        file = parquet.ParquetFile(pyarrow.BufferReader(raw), read_dictionary=twins)
        _refuse_large(file, used, batch)
        for decoded in file.iter_batches(batch_size=batch, columns=used):
            for start in range(0, decoded.num_rows, _SLICE):
                connection.send(("rows", decoded.slice(start, _SLICE).to_pylist()))
        connection.send(("rows", []))
    except UsageError as error:
        connection.send(("refused", (error.message, error.remedy)))
    except MemoryError:
        return  # said by ending, as if the system had ended it
    except (pyarrow.ArrowException, OSError, ValueError, NotImplementedError) as error:
        # Its messages quote the file; the kind of error is all that may be told.
        connection.send(("broken", type(error).__name__))


def _bound(kind: int, most: int) -> None:
    """Sets a limit of this process, unless one is set that is tighter."""
    limits = [limit for limit in resource.getrlimit(kind) if limit != resource.RLIM_INFINITY]
    least = min([most, *limits])
    with suppress(OSError, ValueError):  # macOS binds no memory
        resource.setrlimit(kind, (least, least))


def _is_text(pyarrow: Any, schema: Any, name: str) -> bool:
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
        remedy="write it again, with strings in its columns",
    )


def _ways(metadata: Any, texts: list[str]) -> tuple[int, list[str]]:
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
            # Kept once or not: what it stores must be spread over so many texts at least.
            if chunk.total_uncompressed_size > _LONGEST_CELL * max(1, chunk.num_values):
                raise _too_long()
            if not _KEPT_ONCE.issuperset(chunk.encodings):
                other.add(chunk.path_in_schema)
    if stored > MAX_FILE:
        raise _too_large()
    batch = min(_SLICE, MAX_FILE // max(1, stored)) if other else _BATCH
    return batch, [name for name in texts if name not in other]


def _refuse_large(file: Any, used: list[str], batch: int) -> None:
    """Refuses a file that unpacks to too much, before a row of it is made."""
    unpacked = 0
    for decoded in file.iter_batches(batch_size=batch, columns=used):
        for column in decoded.columns:
            size, longest = _unpacked(column)
            unpacked += size
            if longest > _LONGEST_CELL:
                raise _too_long()
        if unpacked > MAX_FILE:
            raise _too_large()
    if file.metadata.num_rows > MOST_PROMPTS:
        raise too_many(None)


def _too_large() -> UsageError:
    return UsageError(
        f"unpacks to more than {MAX_FILE // 1_000_000} MB",
        remedy="split it, or keep fewer rows",
    )


def _too_long() -> UsageError:
    return UsageError(
        f"holds a text of more than {_LONGEST_CELL / 1_000_000:g} MB",
        remedy="shorten it, or remove the row",
    )


def _unpacked(column: Any) -> tuple[int, int]:
    """Bytes of a column's values, each counted as often as it stands in a row, and of the longest.

    Of texts that are not kept once the longest has their mean at least.
    """
    if not hasattr(column, "dictionary"):
        return int(column.nbytes), int(column.nbytes) // max(1, len(column))
    values, indices = column.dictionary, column.indices.drop_null().to_numpy()
    wide = str(values.type).startswith("large")
    ends = np.frombuffer(values.buffers()[1], np.int64 if wide else np.int32)
    ends = ends[values.offset : values.offset + len(values) + 1].astype(np.int64)
    lengths = np.diff(ends)[indices]
    return int(lengths.sum()), int(lengths.max(initial=0))
