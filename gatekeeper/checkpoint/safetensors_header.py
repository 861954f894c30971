"""Reads tensor names, shapes and dtypes of a checkpoint from safetensors headers alone.

No weight is read and nothing but the standard library is needed, so a checkpoint from anywhere can
be looked at in a second on a laptop. The checks are those of the safetensors format description
(github.com/huggingface/safetensors): the header is bounded, ranges are as long as their shapes say,
and together they fill the file without hole, overlap or rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from gatekeeper.checkpoint.json_files import damaged, parse, read_json
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.pointers import LONGEST, refuse_pointer

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

#: Longest header accepted, in bytes; the limit of the format's reference reader.
MAX_HEADER = 100_000_000
#: In all shards; the largest model that is published has 150,000.
_MOST_TENSORS = 300_000
#: Of one tensor, as in torch: the product of more takes long.
_MOST_AXES = 64
_MOST_ELEMENTS = 2**63 - 1
#: Published names have up to 120 characters.
_LONGEST_NAME = 500
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

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """Shape and dtype of a tensor by its header; dtype as safetensors spells it, such as `BF16`."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)


def weight_files(folder: Path) -> tuple[str, ...]:
    """Names of the files the weights are in: one file, or the index and its shards, sorted.

    A single file goes before an index, as in transformers, so that what is described and hashed is
    what will be loaded. Whether others would load the same is settled by `beside`.

    Raises:
        CheckpointError: no safetensors weights, a damaged index, or a shard that is not there.
    """
    if (folder / SINGLE).is_file():
        return (SINGLE,)
    if not (folder / INDEX).is_file():
        _refuse_without_safetensors(folder)
    return (INDEX, *sorted(set(weight_map(folder).values())))


def read_headers(folder: Path) -> dict[str, TensorInfo]:
    """Every tensor of the checkpoint in `folder`, by name.

    Raises:
        CheckpointError: as `weight_files`, or a file that is damaged, truncated or contradicts
            the index.
    """
    if weight_files(folder) == (SINGLE,):
        return read_header(folder / SINGLE)
    promised: dict[str, set[str]] = {}
    for name, shard in weight_map(folder).items():
        promised.setdefault(shard, set()).add(name)
    tensors: dict[str, TensorInfo] = {}
    for shard, names in sorted(promised.items()):
        header = read_header(folder / shard)
        if twice := tensors.keys() & header.keys():
            damaged(folder / shard, f"{excerpt(min(twice))} is in another shard too")
        if lacking := names - header.keys():
            damaged(folder / shard, f"{INDEX} promises {excerpt(min(lacking))}, which is not in it")
        # Some loaders take whole shards, others only what the index names.
        if more := header.keys() - names:
            damaged(folder / shard, f"holds {excerpt(min(more))}, which {INDEX} does not name")
        tensors |= header
        _refuse_many(len(tensors), folder / INDEX)
    return tensors


def read_header(path: Path) -> dict[str, TensorInfo]:
    """The tensors of one safetensors file, by name.

    Raises:
        CheckpointError: the header is damaged, or the file is shorter or longer than it says.
    """
    return {name: info for name, (info, _) in _entries(path)[0].items()}


def find_tensor(folder: Path, name: str) -> tuple[Path, int, int]:
    """The file that holds a tensor of the checkpoint, the first of its bytes there, and their
    number; raises as `read_headers` does.
    """
    single = weight_files(folder) == (SINGLE,)
    path = folder / (SINGLE if single else weight_map(folder)[name])
    entries, data = _entries(path)
    start, stop = entries[name][1]
    return path, data + start, stop - start


def _entries(path: Path) -> tuple[dict[str, tuple[TensorInfo, tuple[int, int]]], int]:
    """Description and byte range of each tensor of a file, and where its data begins."""
    size = path.stat().st_size
    with path.open("rb") as file:
        raw = _header_bytes(file, path, size)
    _refuse_many(raw.count(b'"data_offsets"'), path)  # before there is an object for each
    header = parse(raw, path)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        damaged(path, "corrupt header: __metadata__ holds something else than text")
    entries = {name: _tensor(name, entry, path) for name, entry in header.items()}
    data = _PREFIX + len(raw)
    _check_ranges([span for _, span in entries.values()], size - data, path)
    return entries, data


def _refuse_many(tensors: int, path: Path) -> None:
    if tensors > _MOST_TENSORS:
        damaged(path, f"holds more than {_MOST_TENSORS:,} tensors")


def _header_bytes(file: BinaryIO, path: Path, size: int) -> bytes:
    prefix = file.read(_PREFIX)
    refuse_pointer(prefix + file.read(LONGEST), excerpt(path), CheckpointError)
    length = int.from_bytes(prefix, "little")
    if length > MAX_HEADER:
        damaged(path, f"corrupt header: its length would be {length} bytes")
    if length > size - _PREFIX:
        damaged(path, f"truncated: header of {length} bytes in a file of {size} bytes")
    file.seek(_PREFIX)
    return file.read(length)


def _tensor(name: str, entry: object, path: Path) -> tuple[TensorInfo, tuple[int, int]]:
    """Description and byte range of one header entry, checked against each other."""
    if len(name) > _LONGEST_NAME:
        damaged(path, f"corrupt header: a tensor's name has {len(name)} characters")
    fields = entry if isinstance(entry, dict) else {}
    dtype = str(fields.get("dtype"))
    shape, span = _naturals(fields.get("shape")), _naturals(fields.get("data_offsets"))
    if shape is None or len(shape) > _MOST_AXES or span is None or len(span) != 2:
        damaged(path, f"corrupt header: entry of {excerpt(name)}")
    if dtype not in DTYPE_BITS:
        damaged(path, f"corrupt header: {excerpt(name)} has unknown dtype {excerpt(dtype)}")
    # What has no elements may have axes that other readers cannot multiply.
    if math.prod(n or 1 for n in shape) > _MOST_ELEMENTS:
        damaged(path, f"corrupt header: {excerpt(name)} has a shape that no machine holds")
    info, (start, stop) = TensorInfo(shape=shape, dtype=dtype), span
    if (stop - start) * 8 != info.elements * DTYPE_BITS[dtype]:
        damaged(path, f"corrupt header: {excerpt(name)} has a shape its byte range does not fit")
    return info, (start, stop)


def _check_ranges(ranges: list[tuple[int, int]], data: int, path: Path) -> None:
    """Checks that ranges follow one another from 0 to the end of the file."""
    end = 0
    for start, stop in sorted(ranges):
        if start != end:
            damaged(path, "corrupt header: byte ranges of tensors overlap or leave a hole")
        end = stop
    if end > data:
        damaged(path, f"truncated: {end - data} of {end} bytes of weights are missing")
    if end < data:
        damaged(path, f"{data - end} bytes follow the last tensor")


def weight_map(folder: Path) -> dict[str, str]:
    """The index: tensor name -> shard, with every shard a plain name of a file that exists.

    Raises:
        CheckpointError: it is damaged, or a shard is not there.
    """
    path = folder / INDEX
    shards = read_json(path).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        damaged(path, "has no weight_map")
    for shard in set(map(str, shards.values())):
        # A shard named ../x or /x would make us read, hash and load files outside the checkpoint.
        plain = Path(shard).name == shard and "\\" not in shard and len(shard) < 200
        if not plain or not shard.endswith(".safetensors"):
            damaged(path, f"shard {excerpt(shard)!r} is not a plain .safetensors file name")
        if not (folder / shard).is_file():
            damaged(path, f"shard {excerpt(shard)} is missing")
    return {str(name): str(shard) for name, shard in shards.items()}


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


def _naturals(value: object) -> tuple[int, ...] | None:
    """A JSON list of integers from 0, or None for anything else (`True` included)."""
    if isinstance(value, list) and all(type(n) is int and n >= 0 for n in value):
        return tuple(value)
    return None
