"""What marks a sentence-embedding model, over the layouts of sentence-transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.engine.judges.sentence import MODULES, POOLING, first_token
from gatekeeper.errors import CheckpointError
from tests.engine.tiny_judges import save_modules

#: Settings as they were saved until the mode had a name, all modes said.
OLD = {
    "word_embedding_dimension": 16,
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": True,
    "pooling_mode_max_tokens": False,
    "pooling_mode_mean_sqrt_len_tokens": False,
    "pooling_mode_lasttoken": False,
}


def saved(folder: Path, settings: Any, *modules: str) -> Path:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / POOLING).write_text(json.dumps(settings))
    if modules:
        save_modules(folder, *modules)
    return folder


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        (OLD, False),
        (OLD | {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, True),
        ({"embedding_dimension": 16, "pooling_mode": "mean", "include_prompt": True}, False),
        ({"pooling_mode": "cls"}, True),
        ({"pooling_mode": ["cls"]}, True),
    ],
)
def test_mean_and_first_token_are_told_apart(tmp_path: Path, settings, first) -> None:
    assert first_token(saved(tmp_path, settings)) is first
    for modules in (("Transformer", "Pooling"), ("Transformer", "Pooling", "Normalize")):
        assert first_token(saved(tmp_path, settings, *modules)) is first


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pooling_mode": "lasttoken"},
        {"pooling_mode": ["cls", "mean"]},
        {"pooling_mode": 7},
        {"pooling_mode": []},
        {"pooling_mode_max_tokens": True},
        OLD | {"pooling_mode_max_tokens": True},
        OLD | {"pooling_mode_cls_token": True},
    ],
)
def test_other_pooling_is_refused(tmp_path: Path, settings) -> None:
    with pytest.raises(CheckpointError, match="pools otherwise"):
        first_token(saved(tmp_path, settings))


@pytest.mark.parametrize(
    ("modules", "told"),
    [
        (["Transformer", "Pooling", "Dense", "Normalize"], "Transformer, Pooling, Dense, Norm"),
        (["Transformer", "CausalScoreHead"], "Transformer, CausalScoreHead"),
        (["Pooling"], "lists Pooling"),
        ([""], "lists nothing"),
    ],
)
def test_other_modules_are_refused(tmp_path: Path, modules, told) -> None:
    """A dense layer would be left out in silence: other embeddings than the model's."""
    with pytest.raises(CheckpointError, match=told):
        first_token(saved(tmp_path, OLD, *modules))


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[", "\xff", '"Transformer"', "[" + " " * 2**20])
def test_a_list_that_is_none_is_refused(tmp_path: Path, text) -> None:
    saved(tmp_path, OLD)
    (tmp_path / MODULES).write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match="no list of modules"):
        first_token(tmp_path)


def test_a_newer_name_of_a_class_is_the_same_class(tmp_path: Path) -> None:
    saved(tmp_path, OLD)
    place = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
    listed = [{"type": "sentence_transformers.base.modules.transformer.Transformer"}]
    (tmp_path / MODULES).write_text(json.dumps([*listed, {"type": place}]))
    assert first_token(tmp_path) is False


def test_without_these_files_it_is_no_embedding_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no sentence-embedding model"):
        first_token(tmp_path)
    save_modules(tmp_path, "Transformer", "Pooling")
    with pytest.raises(CheckpointError, match="has no 1_Pooling"):
        first_token(tmp_path)
