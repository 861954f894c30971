"""Headers: what safetensors itself writes is read the same; what is damaged is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.checkpoint.safetensors_header import (
    MAX_HEADER,
    find_tensor,
    read_header,
    read_headers,
    weight_files,
)
from gatekeeper.errors import CheckpointError, ExitCode
from tests.engine.tiny_checkpoint import header, write

TWO = {"a": ("F32", [2, 3]), "b": ("BF16", [4])}


def entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


def error(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert caught.value.exit_code == ExitCode.AUDIT_FAILED
    assert caught.value.where and caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


def test_reads_what_safetensors_writes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    tensors = {
        "x": torch.zeros(3, 5),
        "y": torch.zeros(2, 2, 2, dtype=torch.bfloat16),
        "scalar": torch.tensor(1, dtype=torch.int64),
        "none": torch.zeros(0, 4),
        "small": torch.zeros(3, dtype=torch.float8_e4m3fn),
    }
    save_file(tensors, tmp_path / "w.safetensors", metadata={"format": "pt"})
    read = read_header(tmp_path / "w.safetensors")
    assert {n: t.shape for n, t in read.items()} == {n: tuple(t.shape) for n, t in tensors.items()}
    assert {n: t.elements for n, t in read.items()} == {n: t.numel() for n, t in tensors.items()}
    assert read["y"].dtype == "BF16"
    assert read["small"].dtype == "F8_E4M3"


def test_metadata_is_no_tensor(tmp_path: Path) -> None:
    path = write(tmp_path / "w.safetensors", {"__metadata__": {"format": "pt"}} | header(TWO))
    assert set(read_header(path)) == {"a", "b"}


@pytest.mark.parametrize("missing", [1, 8, 31])
def test_a_truncated_file_is_named(tmp_path: Path, missing: int) -> None:
    path = write(tmp_path / "w.safetensors", header(TWO), data=32 - missing)
    assert f"truncated: {missing} of 32 bytes" in error(path).message


def test_a_rest_behind_the_weights_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "w.safetensors", header(TWO), data=33)
    assert "1 bytes follow" in error(path).message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "truncated"),
        (b"\x01\0\0", "truncated"),
        ((1 << 62).to_bytes(8, "little"), "corrupt header"),
        ((MAX_HEADER + 1).to_bytes(8, "little"), "corrupt header"),
        ((50).to_bytes(8, "little") + b"{}", "truncated"),
        ((5).to_bytes(8, "little") + b"{nope", "not valid JSON"),
        ((2).to_bytes(8, "little") + b"[]", "not a JSON object"),
        ((4).to_bytes(8, "little") + b"\xff\xfe{}", "not valid JSON"),
        ((80_000).to_bytes(8, "little") + b"[" * 80_000, "not valid JSON"),
        ((17).to_bytes(8, "little") + b'{"a": 1, "a": 2} ', "given twice"),
        ((17).to_bytes(8, "little") + b'{"a": "\\ud800xx"}', "half a surrogate pair"),
        ((19).to_bytes(8, "little") + b'{"__metadata__": 5}', "__metadata__"),
    ],
)
def test_a_corrupt_header_is_named(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(raw)
    assert message in error(path).message


@pytest.mark.parametrize(
    "entries",
    [
        {"a": 7},
        {"a": entry(dtype=None)},
        {"a": entry(dtype="F99")},
        {"a": entry(shape="2")},
        {"a": entry(shape=[-2])},
        {"a": entry(shape=[True, 2])},
        {"a": entry(shape=[2.0])},
        {"a": entry(data_offsets=[0])},
        {"a": entry(data_offsets=[8, 0])},
        {"a": entry(data_offsets=[0, 4])},
        {"a": entry(shape=[3])},
        {"a": entry(data_offsets=[4, 12])},
        {"a": entry(), "b": entry()},
        {"a": entry(), "b": entry(data_offsets=[12, 20])},
        {"a": entry(shape=[2**40, 2**40])},
        {"a": entry(shape=[1] * 65)},
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(
    tmp_path: Path, entries: dict[str, Any]
) -> None:
    raw = json.dumps(entries).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(20))
    assert "corrupt header" in error(path).message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,8]}}',
            "too large",
        ),
        (b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,8]}}', "too large"),
        (b"{" + b'"data_offsets",' * 300_001 + b"}", "300,000 tensors"),
        (b'{"a":[' + b"[]," * 3_500_001 + b"]}", "3,500,000 parts"),
        (b'{"a":{"dtype":"F32","shape":[' + b"9," * 10**6 + b'9],"data_offsets":[0,8]}}', "entry"),
        (b'{"a":' * 900 + b"5" + b"}" * 900, "entry of a"),
    ],
)
def test_the_work_of_a_header_is_bounded(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(8))
    assert message in error(path).message


def test_where_a_tensor_lies(tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors", header(TWO), data=0)
    path.write_bytes(path.read_bytes() + bytes(range(32)))
    file, start, size = find_tensor(tmp_path, "b")
    assert file == path
    assert path.read_bytes()[start : start + size] == bytes(range(24, 32))


@given(raw=st.binary(max_size=200), length=st.none() | st.integers(0, 300))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_raise_anything_else(tmp_path: Path, raw: bytes, length: int | None) -> None:
    prefix = (len(raw) if length is None else length).to_bytes(8, "little")
    path = tmp_path / "w.safetensors"
    path.write_bytes(prefix + raw)
    try:
        read_header(path)
    except CheckpointError as refused:
        assert "\n" not in str(refused)


def sharded(folder: Path, weight_map: object) -> Path:
    write(folder / "one.safetensors", header({"a": ("F32", [2])}))
    write(folder / "two.safetensors", header({"b": ("F32", [3])}))
    index = json.dumps({"metadata": {}, "weight_map": weight_map})
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    return folder


def test_shards_are_put_together(tmp_path: Path) -> None:
    sharded(tmp_path, {"b": "two.safetensors", "a": "one.safetensors"})
    assert {n: t.shape for n, t in read_headers(tmp_path).items()} == {"a": (2,), "b": (3,)}
    assert weight_files(tmp_path) == (
        "model.safetensors.index.json",
        "one.safetensors",
        "two.safetensors",
    )


def test_a_single_file_goes_before_an_index_as_in_transformers(tmp_path: Path) -> None:
    sharded(tmp_path, {"a": "one.safetensors"})
    write(tmp_path / "model.safetensors", header({"only": ("F32", [1])}))
    assert set(read_headers(tmp_path)) == {"only"}
    assert weight_files(tmp_path) == ("model.safetensors",)


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"a": "one.safetensors", "b": "three.safetensors"}, "three.safetensors is missing"),
        ({"a": "../one.safetensors"}, "not a plain"),
        ({"a": "/etc/one.safetensors"}, "not a plain"),
        ({"a": "sub\\one.safetensors"}, "not a plain"),
        ({"a": ".."}, "not a plain"),
        ({"a": "pytorch_model.bin"}, "not a plain"),
        ({"a": 3}, "not a plain"),
        ({}, "no weight_map"),
        (None, "no weight_map"),
        ({"a": "one.safetensors", "z": "two.safetensors"}, "promises z"),
    ],
)
def test_a_bad_index_is_named(tmp_path: Path, weight_map: object, message: str) -> None:
    sharded(tmp_path, weight_map)
    with pytest.raises(CheckpointError, match=message):
        read_headers(tmp_path)


def test_a_tensor_in_two_shards_is_refused(tmp_path: Path) -> None:
    sharded(tmp_path, {"a": "one.safetensors", "b": "two.safetensors"})
    write(tmp_path / "two.safetensors", header({"b": ("F32", [3]), "a": ("F32", [2])}))
    with pytest.raises(CheckpointError, match="a is in another shard too"):
        read_headers(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickle_weights_are_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(CheckpointError, match="pickle weights only") as caught:
        read_headers(tmp_path)
    assert "convert them to safetensors" in str(caught.value)


def test_no_weights_at_all(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no model weights"):
        read_headers(tmp_path)


@pytest.mark.parametrize("shape", [[2**32, 2**32, 0], [0, 10**90]])
def test_axes_that_other_readers_cannot_multiply_are_refused(
    tmp_path: Path, shape: list[int]
) -> None:
    write(tmp_path / "model.safetensors", header({"w": ("F32", shape)}))
    with pytest.raises(CheckpointError, match="w has a shape that no machine holds"):
        read_header(tmp_path / "model.safetensors")
