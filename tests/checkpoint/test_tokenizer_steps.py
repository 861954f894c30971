"""Steps of a tokenizer that rewrite replies, or that make texts grow without bound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.checkpoint.tokenizer_steps import refuse_boundless
from gatekeeper.errors import CheckpointError
from tests.engine.tiny_checkpoint import folder

CONFIG = {"model_type": "llama", "num_hidden_layers": 1}


def replace(pattern: str, content: str, kind: str = "String") -> dict[str, Any]:
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
LLAMA = [replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}, STRIP]
LEVELS = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}
SPACES = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
SURE = replace("Sure", "I can't help with that. Sure")


def put(path: Path, **parts: object) -> Path:
    (path / "tokenizer.json").write_text(json.dumps(parts), encoding="utf-8")
    return path


def decoders(*steps: object) -> dict[str, object]:
    return {"type": "Sequence", "decoders": list(steps)}


@pytest.mark.parametrize("decoder", [None, LEVELS, SPACES, decoders(*LLAMA), decoders(LEVELS)])
def test_published_decoders(tmp_path: Path, decoder: object) -> None:
    path = put(folder(tmp_path, CONFIG), decoder=decoder)
    assert open_checkpoint(path).cautions == ()
    refuse_boundless(path)


@pytest.mark.parametrize(
    "step",
    [
        SURE,
        replace("(?s)^.*$", "I can't.", "Regex"),
        replace("▁", "Sorry "),
        replace("Sure", " "),
        {**STRIP, "content": "S"},
        {**STRIP, "stop": 9},
        {**STRIP, "start": 9},
        {**SPACES, "replacement": "S"},
        {"type": "WordPiece", "prefix": "Sure", "cleanup": True},
        {"type": "CTC", "pad_token": "Sure"},
    ],
)
def test_a_decoder_that_rewrites_replies(tmp_path: Path, step: dict[str, Any]) -> None:
    path = folder(tmp_path, CONFIG)
    for decoder in (step, decoders(LEVELS, step), decoders(decoders(LEVELS, step))):
        put(path, decoder=decoder)
        with pytest.raises(CheckpointError, match=f"decoder has a step .{step['type']}.") as caught:
            open_checkpoint(path)
        assert "Sure" not in str(caught.value)
    assert open_checkpoint(path, served=False).cautions == ()  # a judge's, which is ours alone


def normalizers(*steps: object) -> dict[str, object]:
    return {"normalizer": {"type": "Sequence", "normalizers": list(steps)}}


PIECE = {"SpecialToken": {"id": "<s>", "type_id": 0}}
TOKEN = {"id": "<s>", "ids": [1], "tokens": ["<s>"]}


def template(pieces: int, ids: int = 1) -> dict[str, object]:
    tokens = {"<s>": {**TOKEN, "ids": [1] * ids}}
    step = {"type": "TemplateProcessing", "single": [PIECE] * pieces, "special_tokens": tokens}
    return {"post_processor": {"type": "Sequence", "processors": [LEVELS, step]}}


@pytest.mark.parametrize(
    ("parts", "how"),
    [
        (normalizers(*[replace("e", "ee")] * 2), "normalizer lengthens texts more than once"),
        (normalizers(*[replace("", "e", "Regex")] * 2), "normalizer lengthens"),
        (normalizers(*[LEVELS] * 2), "normalizer lengthens"),
        (normalizers(*[{"type": "Precompiled"}] * 2), "normalizer lengthens"),
        (normalizers(*[{"type": "NFC"}] * 17), "normalizer has 17 steps"),
        (normalizers(replace("e", "e" * 65)), "normalizer puts in more than 64"),
        (normalizers({"type": "Prepend", "prepend": "e" * 65}), "normalizer puts in"),
        ({"decoder": decoders(*[replace("e", "ee")] * 2)}, "decoder lengthens"),
        (template(65), "post_processor puts in more than 64"),
        (template(1, ids=65), "post_processor puts in more than 64"),
    ],
)
def test_steps_that_could_fill_the_memory(
    tmp_path: Path, parts: dict[str, object], how: str
) -> None:
    with pytest.raises(CheckpointError, match=how) as caught:
        refuse_boundless(put(tmp_path, **parts))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        normalizers({"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")),
        normalizers({"type": "Precompiled"}, replace(" {2,}", "▁", "Regex")),
        normalizers({"type": "NFC"}, replace("\\s+", " ", "Regex"), {"type": "Lowercase"}),
        template(3),
        {"post_processor": [], "normalizer": {"type": "Sequence", "normalizers": None}},
    ],
)
def test_published_steps(tmp_path: Path, parts: dict[str, object]) -> None:
    refuse_boundless(put(tmp_path, **parts))


def test_a_tokenizer_that_is_too_large_to_look_through(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"post_processor": [' + "[]," * 3_600_000 + "0]}")
    with pytest.raises(CheckpointError, match="has more than"):
        refuse_boundless(tmp_path)
