"""tokenizer.json by itself against the tokenizer that transformers makes of it and its settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.engine.generate.plain_tokenizer import PlainTokenizer, told_otherwise
from gatekeeper.engine.model.load import load_tokenizer, quiet_transformers
from gatekeeper.errors import CheckpointError
from tests.e2e.cli import HARDENED, edit_json

TEXT = "<|user|> Sorry, how do I open 12 Lamps?<|end|><|assistant|>  Sorry, I can't."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    quiet_transformers()
    return Path(shutil.copytree(HARDENED, tmp_path / "candidate"))


def otherwise(path: Path) -> bool:
    tokenizer = load_tokenizer(path)
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    return PlainTokenizer(tokenizer).otherwise(TEXT, ids)


def told(path: Path) -> tuple[str, ...]:
    return told_otherwise(load_tokenizer(path), int(otherwise(path)), 1)


def change(path: Path, of: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((path / "tokenizer.json").read_bytes())
    of(data)
    (path / "tokenizer.json").write_text(json.dumps(data))


def test_a_file_that_is_the_tokenizer_is_no_matter(path: Path) -> None:
    assert told(path) == ()
    change(path, lambda data: data.update(truncation={**CUT, "max_length": 4}))
    assert told(path) == ()  # told by itself
    (path / "tokenizer.json").rename(path / "other.json")
    tokenizer = load_tokenizer(HARDENED)
    tokenizer.name_or_path = str(path)
    assert told_otherwise(tokenizer, 0, 1) == ()


CUT = {"direction": "Right", "strategy": "LongestFirst", "stride": 0}


def test_a_class_that_cuts_prompts_in_its_own_way(path: Path) -> None:
    digits = {"type": "Digits", "individual_digits": True}
    levels = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}
    both = [digits, {**levels, "use_regex": False}]
    change(
        path, lambda data: data.update(pre_tokenizer={"type": "Sequence", "pretokenizers": both})
    )
    assert told(path) == ()
    edit_json(path / "tokenizer_config.json", tokenizer_class="Qwen2Tokenizer")
    (line,) = told(path)
    assert "makes other tokens of 1 of 1 prompts" in line
    assert "Lamps" not in line


def test_an_ordinary_piece_that_is_made_special(path: Path) -> None:
    edit_json(path / "tokenizer_config.json", extra_special_tokens=["<|user|>", "Sorry"])
    (line,) = PlainTokenizer(load_tokenizer(path)).left_out()
    assert "left out of replies here and not by tokenizer.json" in line
    assert line.endswith(": 'Sorry'")


def test_a_special_token_that_is_made_an_ordinary_one(path: Path) -> None:
    token = {"content": "<|assistant|>", "lstrip": True, "rstrip": True, "special": False}
    flags = {"normalized": True, "single_word": False}
    edit_json(path / "tokenizer_config.json", added_tokens_decoder={"4": token | flags})
    cut, line = told(path)
    assert "makes other tokens" in cut
    assert "stay in replies here" in line
    assert line.endswith(": '<|assistant|>'")


def test_a_file_that_the_library_cannot_read(path: Path) -> None:
    tokenizer = load_tokenizer(path)
    change(path, lambda data: data.update(model={"type": "Nope"}))
    with pytest.raises(CheckpointError, match="the tokenizers library cannot read"):
        PlainTokenizer(tokenizer)
