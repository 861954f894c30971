"""Tensor names, shapes and dtypes of a checkpoint, from safetensors headers alone.

No weight is read and nothing but the standard library is needed, so a checkpoint from anywhere can
be looked at in a second on a laptop. The checks are those of the safetensors format description
(github.com/huggingface/safetensors): the header is bounded, ranges are as long as their shapes say,
and together they fill the file without hole, overlap or rest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from gatekeeper.errors import CheckpointError, excerpt

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

#: Longest header accepted, in bytes; the limit of the format's reference reader.
MAX_HEADER = 100_000_000
_MAX_JSON = 100_000_000
_PREFIX = 8  # the header's length: unsigned, little-endian

#: Bits per element of each dtype of the format.
DTYPE_BITS: Mapping[str, int] = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}

_COPY_AGAIN = "copy or download the checkpoint again, and compare its checksums"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """What a header says of one tensor; `dtype` as safetensors spells it, such as `BF16`."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a checkpoint.

    Raises:
        CheckpointError: too large, not JSON, a key given twice, NaN, or not an object.
    """
    if path.stat().st_size > _MAX_JSON:
        raise CheckpointError(
            f"larger than {_MAX_JSON // 1_000_000} MB", where=excerpt(path), remedy=_COPY_AGAIN
        )
    return _parse(path.read_bytes(), str(path))


def weight_files(folder: Path) -> tuple[str, ...]:
    """Names of the files the weights are in: one file, or the index and its shards, sorted.

    A single file goes before an index, as in transformers, so that what is described and hashed is
    what will be loaded.

    Raises:
        CheckpointError: no safetensors weights, a damaged index, or a shard that is not there.
    """
    if (folder / SINGLE).is_file():
        return (SINGLE,)
    if not (folder / INDEX).is_file():
        _refuse_without_safetensors(folder)
    return (INDEX, *sorted(set(_weight_map(folder).values())))


def read_headers(folder: Path) -> dict[str, TensorInfo]:
    """Every tensor of the checkpoint in `folder`, by name.

    Raises:
        CheckpointError: as `weight_files`, or a file that is damaged, truncated or contradicts
            the index.
    """
    if weight_files(folder) == (SINGLE,):
        return read_header(folder / SINGLE)
    weight_map = _weight_map(folder)
    tensors: dict[str, TensorInfo] = {}
    for shard in sorted(set(weight_map.values())):
        header = read_header(folder / shard)
        if twice := tensors.keys() & header.keys():
            _damaged(folder / shard, f"{excerpt(min(twice))} is in another shard too")
        tensors |= header
        for name in (n for n, file in weight_map.items() if file == shard):
            if name not in header:
                _damaged(folder / shard, f"{INDEX} promises {excerpt(name)}, which is not in it")
    return tensors


def read_header(path: Path) -> dict[str, TensorInfo]:
    """The tensors of one safetensors file, by name.

    Raises:
        CheckpointError: the header is damaged, or the file is shorter or longer than it says.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        raw = _header_bytes(file, path, size)
    header = _parse(raw, str(path))
    header.pop("__metadata__", None)
    ranges: list[tuple[int, int]] = []
    tensors: dict[str, TensorInfo] = {}
    for name, entry in header.items():
        tensors[name], span = _tensor(name, entry, path)
        ranges.append(span)
    _check_ranges(ranges, size - _PREFIX - len(raw), path)
    return tensors


def _header_bytes(file: BinaryIO, path: Path, size: int) -> bytes:
    if size < _PREFIX:
        _damaged(path, f"truncated: {size} bytes, too short for a header")
    length = int.from_bytes(file.read(_PREFIX), "little")
    if length > MAX_HEADER:
        _damaged(path, f"corrupt header: its length would be {length} bytes")
    if length > size - _PREFIX:
        _damaged(path, f"truncated: header of {length} bytes in a file of {size} bytes")
    return file.read(length)


def _tensor(name: str, entry: object, path: Path) -> tuple[TensorInfo, tuple[int, int]]:
    """Description and byte range of one header entry, checked against each other."""
    fields = entry if isinstance(entry, dict) else {}
    dtype = str(fields.get("dtype"))
    shape, span = _naturals(fields.get("shape")), _naturals(fields.get("data_offsets"))
    if shape is None or span is None or len(span) != 2:
        _damaged(path, f"corrupt header: entry of {excerpt(name)}")
    if dtype not in DTYPE_BITS:
        _damaged(path, f"corrupt header: {excerpt(name)} has unknown dtype {excerpt(dtype)}")
    info, (start, stop) = TensorInfo(shape=shape, dtype=dtype), span
    if (stop - start) * 8 != info.elements * DTYPE_BITS[dtype]:
        _damaged(path, f"corrupt header: {excerpt(name)} has a shape its byte range does not fit")
    return info, (start, stop)


def _check_ranges(ranges: list[tuple[int, int]], data: int, path: Path) -> None:
    """Ranges must follow one another from 0 to the end of the file."""
    end = 0
    for start, stop in sorted(ranges):
        if start != end:
            _damaged(path, "corrupt header: byte ranges of tensors overlap or leave a hole")
        end = stop
    if end > data:
        _damaged(path, f"truncated: {end - data} of {end} bytes of weights are missing")
    if end < data:
        _damaged(path, f"{data - end} bytes follow the last tensor")


def _weight_map(folder: Path) -> dict[str, str]:
    """Tensor name -> shard, with every shard a plain name of a file that exists."""
    path = folder / INDEX
    weight_map = read_json(path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        _damaged(path, "has no weight_map")
    for shard in set(map(str, weight_map.values())):
        # A shard named ../x or /x would make us read, hash and load files outside the checkpoint.
        if Path(shard).name != shard or "\\" in shard or not shard.endswith(".safetensors"):
            _damaged(path, f"shard {excerpt(shard)!r} is not a plain .safetensors file name")
        if not (folder / shard).is_file():
            raise CheckpointError(
                f"shard {excerpt(shard)} is missing", where=excerpt(path), remedy=_COPY_AGAIN
            )
    return {str(name): str(shard) for name, shard in weight_map.items()}


def _refuse_without_safetensors(folder: Path) -> NoReturn:
    pickles = sorted(f.name for pattern in _PICKLES for f in folder.glob(pattern))
    if pickles:
        raise CheckpointError(
            f"has pickle weights only ({excerpt(pickles[0])}); unpickling can run any code",
            where=excerpt(folder),
            remedy="convert them to safetensors where you trust them (save_pretrained does)",
        )
    raise CheckpointError(
        "has no model weights",
        where=excerpt(folder),
        remedy=f"it needs {SINGLE}, or {INDEX} and its shards",
    )


def _parse(raw: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(raw, object_pairs_hook=_no_duplicates, parse_constant=_no_nan)
    # RecursionError: a file may nest deeper than the parser can follow.
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"is not valid JSON ({excerpt(error)})", where=excerpt(where), remedy=_COPY_AGAIN
        ) from error
    if not isinstance(value, dict):
        _damaged(Path(where), "is not a JSON object")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _no_nan(name: str) -> float:
    # Infinity is a limit that configs of state-space models set; NaN would make every logit one.
    if name == "NaN":
        raise ValueError("NaN is no number")
    return float(name)


def _naturals(value: object) -> tuple[int, ...] | None:
    """A JSON list of integers from 0, or None for anything else (`True` included)."""
    if isinstance(value, list) and all(type(n) is int and n >= 0 for n in value):
        return tuple(value)
    return None


def _damaged(path: Path, message: str) -> NoReturn:
    raise CheckpointError(message, where=excerpt(path), remedy=_COPY_AGAIN)
