"""`gatekeeper inspect` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from gatekeeper.cli import run

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schema", "source", "moe", "routed_experts", "parameters", "sites"],
    "properties": {
        "schema": {"const": "gatekeeper/inspect/v1"},
        "source": {"type": "string"},
        "model_type": {"type": "string"},
        "architecture": {"type": "string"},
        "dtype": {"type": "string"},
        "moe": {"type": "boolean"},
        "layers": {"type": "integer"},
        "routed_experts": {"type": "integer"},
        "parameters": {"type": "integer"},
        "active_parameters": {"type": "integer"},
        "context_length": {"type": ["integer", "null"]},
        "cautions": {"type": "array", "items": {"type": "string"}},
        "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "sites": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["layer", "path", "experts", "top_k", "shared", "routing"],
            },
        },
    },
}
CONFIG = {
    "model_type": "qwen3_moe",
    "architectures": ["Qwen3MoeForCausalLM"],
    "num_hidden_layers": 4,
    "num_experts": 2,
    "num_experts_per_tok": 1,
}


def save(path: Path, tensors: dict[str, list[int]], **changes: Any) -> str:
    """A checkpoint of zero weights in float32."""
    entries: dict[str, Any] = {}
    end = 0
    for name, shape in tensors.items():
        start, end = end, end + 4 * shape[0] * shape[1]
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    raw = json.dumps(entries).encode()
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG | changes), encoding="utf-8")
    weights = len(raw).to_bytes(8, "little") + raw + bytes(end)
    (path / "model.safetensors").write_bytes(weights)
    return str(path)


@pytest.fixture
def moe(tmp_path: Path) -> str:
    tensors = {"model.embed_tokens.weight": [10, 8]}
    for layer in (0, 1, 3):
        tensors[f"model.layers.{layer}.mlp.gate.weight"] = [2, 8]
        for e in range(2):
            tensors[f"model.layers.{layer}.mlp.experts.{e}.up_proj.weight"] = [4, 8]
    return save(tmp_path / "candidate", tensors)


@pytest.fixture
def dense(tmp_path: Path) -> str:
    return save(tmp_path / "dense", {"model.layers.0.mlp.up_proj.weight": [4, 8]})


def test_a_table_for_people(moe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", moe, "--require-moe"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "checkpoint candidate",
        "model Qwen3MoeForCausalLM (qwen3_moe)",
        "parameters 320, of which 224 work on a token (float32)",
        "context not stated",
        "experts 6 routed, in 3 of 4 layers",
        "layers experts each top-k shared routing",
        "0–1 2 1 0 learned",
        "3 2 1 0 learned",
    ]


def test_json_for_machines(moe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", moe, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    validate(result, SCHEMA)
    assert result["moe"] is True
    assert (result["parameters"], result["active_parameters"]) == (320, 224)
    assert [s["layer"] for s in result["sites"]] == [0, 1, 3]


def test_a_dense_model_is_said_to_be_dense(dense: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", dense]) == 0
    assert "no routed experts" in capsys.readouterr().out
    assert run(["inspect", dense, "--require-moe"]) == 11
    capsys.readouterr()
    assert run(["inspect", dense, "--json", "--require-moe"]) == 11
    result = json.loads(capsys.readouterr().out)
    validate(result, SCHEMA)
    assert (result["moe"], result["routed_experts"], result["sites"]) == (False, 0, [])


def test_what_cannot_be_read_is_one_line_and_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", str(tmp_path)]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "has no config.json" in captured.err


def test_a_config_cannot_write_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b[2J::error::x"
    path = save(tmp_path / "c", {"w": [2, 2]}, model_type=evil, architectures=["X"])
    assert run(["inspect", path]) == 0
    told = capsys.readouterr().out
    path = save(tmp_path / "d", {"w": [2, 2]}, model_type="x", architectures=[evil])
    assert run(["inspect", path]) == 3
    told += capsys.readouterr().err
    assert "\x1b" not in told
    assert "::" not in told


def test_the_digest_is_that_of_the_evidence(tmp_path: Path, capsys) -> None:
    """Only when asked for: it reads all weights."""
    from gatekeeper.checkpoint.open import open_checkpoint

    path = save(tmp_path / "c", {"model.embed_tokens.weight": [4, 2]})
    wanted = open_checkpoint(Path(path)).reference().digest
    assert run(["inspect", path]) == 0
    assert "sha256:" not in capsys.readouterr().out
    assert run(["inspect", path, "--digest"]) == 0
    assert f"digest       {wanted}\n" in capsys.readouterr().out
    assert run(["inspect", path, "--digest", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    validate(found, SCHEMA)
    assert found["digest"] == wanted
