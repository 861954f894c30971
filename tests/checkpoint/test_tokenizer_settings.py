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


def processed(*single: dict[str, Any]) -> dict[str, Any]:
    return {"post_processor": {"type": "TemplateProcessing", "single": list(single)}}


SEQUENCE = {"Sequence": {"id": "A", "type_id": 0}}
FIRST, LAST = ({"SpecialToken": {"id": name, "type_id": 0}} for name in ("<s>", "</s>"))
TOKENS = {"bos_token": "<s>", "eos_token": {"content": "</s>"}}


@pytest.mark.parametrize(
    ("settings", "tokenizer", "told"),
    [
        ({"add_bos_token": True}, {"post_processor": {"type": "ByteLevel"}}, "add_bos_token"),
        ({"add_bos_token": True}, processed(SEQUENCE), "add_bos_token"),
        ({"add_bos_token": True}, {"post_processor": None, "version": "1"}, "add_bos_token"),
        ({"add_eos_token": True}, processed(FIRST, SEQUENCE), "add_eos_token"),
        ({"add_bos_token": True}, processed(FIRST, SEQUENCE), None),
        ({"add_bos_token": True, "add_eos_token": True}, processed(FIRST, SEQUENCE, LAST), None),
        ({"add_bos_token": False, "add_eos_token": False}, processed(SEQUENCE), None),
        ({"add_bos_token": None}, processed(SEQUENCE), None),
        ({"add_bos_token": True, "bos_token": None}, processed(SEQUENCE), None),
        # The template writes it: it is not written twice.
        ({"add_bos_token": True, "chat_template": "{{ bos_token }}"}, processed(SEQUENCE), None),
        ({"add_bos_token": True, "chat_template": "<s>[INST]"}, processed(SEQUENCE), None),
        ({"add_eos_token": True, "chat_template": "{{ eos_token }}"}, processed(SEQUENCE), "eos"),
        ({"do_lower_case": True}, {"normalizer": None, "version": "1"}, "do_lower_case"),
        ({"do_lower_case": True}, {"normalizer": {"type": "Lowercase"}}, None),
        ({"do_lower_case": False}, {"normalizer": None, "version": "1"}, None),
    ],
)
def test_tokens_and_letters_that_other_loaders_would_change(
    tmp_path: Path, settings: dict[str, Any], tokenizer: dict[str, Any], told: str | None
) -> None:
    path = put(folder(tmp_path, CONFIG), "tokenizer_config.json", {**TOKENS, **settings})
    put(path, "tokenizer.json", tokenizer)
    cautions = open_checkpoint(path).cautions
    assert len(cautions) == (told is not None)
    assert told is None or told in cautions[0]


@pytest.mark.parametrize("damaged", [[], "x", {"processors": [None, 3]}, {"single": [None]}])
def test_a_damaged_post_processor_adds_nothing(tmp_path: Path, damaged: object) -> None:
    path = put(folder(tmp_path, CONFIG), "tokenizer_config.json", {**TOKENS, "add_eos_token": True})
    put(path, "tokenizer.json", {"post_processor": damaged})
    assert "add_eos_token" in open_checkpoint(path).cautions[0]
