"""Settings of a tokenizer, or of attention, that loaders read in different ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.errors import CheckpointError
from tests.engine.tiny_checkpoint import folder

CONFIG = {"model_type": "llama", "num_hidden_layers": 1}


def put(path: Path, name: str, data: dict[str, Any]) -> Path:
    (path / name).write_text(json.dumps(data), encoding="utf-8")
    return path


def test_marks_of_turns_that_are_cut_into_pieces(tmp_path: Path) -> None:
    path = put(folder(tmp_path, CONFIG), "tokenizer_config.json", {"split_special_tokens": True})
    with pytest.raises(CheckpointError, match="split_special_tokens"):
        open_checkpoint(path)
    put(path, "tokenizer_config.json", {"split_special_tokens": False})
    assert open_checkpoint(path).cautions == ()


def test_a_tokenizer_of_which_transformers_reads_another_file(tmp_path: Path) -> None:
    named = {"fast_tokenizer_files": ["tokenizer.4.0.0.json"]}
    path = put(folder(tmp_path, CONFIG), "tokenizer_config.json", named)
    with pytest.raises(CheckpointError, match="fast_tokenizer_files"):
        open_checkpoint(path)
    for harmless in ([], ["tokenizer.json"], None):
        put(path, "tokenizer_config.json", {"fast_tokenizer_files": harmless})
        assert open_checkpoint(path).cautions == ()


@pytest.mark.parametrize("name", ["truncation", "padding"])
def test_prompts_that_the_library_itself_cuts_or_fills_up(tmp_path: Path, name: str) -> None:
    path = put(folder(tmp_path, CONFIG), "tokenizer.json", {name: {"max_length": 12}})
    (caution,) = open_checkpoint(path).cautions
    assert f"not applied: {name} of tokenizer.json" in caution
    put(path, "tokenizer.json", {name: None})
    assert open_checkpoint(path).cautions == ()


def test_attention_that_servers_have_and_transformers_has_not(tmp_path: Path) -> None:
    more = {"dual_chunk_attention_config": {"chunk_size": 8}}
    (caution,) = open_checkpoint(folder(tmp_path, CONFIG | more)).cautions
    assert "dual_chunk_attention_config" in caution
