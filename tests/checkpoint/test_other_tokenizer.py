"""Files of a second tokenizer beside tokenizer.json: honest twins, and others."""

from __future__ import annotations

import base64
import json
import random
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.checkpoint.piece_files import read_pieces
from gatekeeper.errors import CheckpointError
from tests.engine.tiny_checkpoint import folder

from ..fuzz.driver import damaged

CONFIG = {"model_type": "llama", "num_hidden_layers": 1}
WORDS = {"<s>": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "abc": 5, "<new>": 6}
MERGES = ["a b", "ab c"]
ADDED = [{"id": 0, "content": "<s>", "special": True}, {"id": 6, "content": "<new>"}]
NORMAL, CONTROL = 1, 3


def piece(text: str, score: float, kind: int) -> bytes:
    raw = text.encode()
    body = b"\x0a" + bytes([len(raw)]) + raw + b"\x15" + struct.pack("<f", score)
    body += b"\x18" + bytes([kind])
    return b"\x0a" + bytes([len(body)]) + body


def sentencepiece(words: Sequence[str], **scores: float) -> bytes:
    """A model as the library writes it: the start mark, then ordinary pieces, then its settings."""
    pieces = b"".join(
        piece(w, scores.get(w, -float(i)), NORMAL if i else CONTROL) for i, w in enumerate(words)
    )
    return pieces + b"\x12\x02\x18\x02"


def tiktoken(words: Sequence[str]) -> bytes:
    rows = (base64.b64encode(w.encode()) + b" %d" % i for i, w in enumerate(words))
    return b"\n".join(rows) + b"\n"


def put(path: Path, name: str, data: object) -> None:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    (path / name).write_bytes(raw)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = folder(tmp_path, CONFIG)
    vocabulary = {word: i for word, i in WORDS.items() if i < 6}
    model = {"type": "BPE", "vocab": vocabulary, "merges": MERGES}
    put(made, "tokenizer.json", {"added_tokens": ADDED, "model": model})
    put(made, "tokenizer_config.json", {"bos_token": "<s>", "eos_token": {"content": "<new>"}})
    return made


def test_honest_twins_are_no_matter(path: Path) -> None:
    put(path, "vocab.json", {w: i for w, i in WORDS.items() if i < 6})
    put(path, "merges.txt", b"#version: 0.2\na b\nab c\n\n")
    put(path, "added_tokens.json", {"<new>": 6})
    put(path, "special_tokens_map.json", {"bos_token": {"content": "<s>"}, "eos_token": "<new>"})
    put(path, "tokenizer.model", sentencepiece([*WORDS][:6]))
    put(path, "tiktoken.model", tiktoken([*WORDS][:6]))
    put(path, "vendor.tiktoken", tiktoken([*WORDS][:6]))
    put(path, "other.model", sentencepiece(["<reserved>", *[*WORDS][1:6]]))
    assert open_checkpoint(path).cautions == ()


def test_merges_are_compared_however_large_their_file_is(path: Path) -> None:
    put(path, "merges.txt", b"a b\n" + b" " * 101_000_000 + b"\nab c\n")
    assert open_checkpoint(path).cautions == ()
    put(path, "merges.txt", b"a b\nab c\n" * 5_100_000)
    with pytest.raises(CheckpointError, match="its merges"):
        open_checkpoint(path)


def test_merges_as_pairs_and_added_tokens_in_the_vocabulary(path: Path) -> None:
    data = json.loads((path / "tokenizer.json").read_bytes())
    data["model"]["merges"] = [merge.split(" ") for merge in MERGES]
    data["model"]["vocab"] = WORDS
    put(path, "tokenizer.json", data)
    put(path, "merges.txt", b"a b\r\nab c")
    for ids in (WORDS, {w: i for w, i in WORDS.items() if i < 6}):
        put(path, "vocab.json", ids)
        assert open_checkpoint(path).cautions == ()


BASE = [*WORDS][:6]
PIECES, SCORES = "gives pieces other ids than", "gives pieces other scores than"


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("vocab.json", dict.fromkeys(BASE, 0) | WORDS | {"a": 2, "b": 1}, "its tokens"),
        ("vocab.json", {"a": 1, "b": 2, "c": 3}, "its tokens"),
        ("vocab.json", {**WORDS, "more": 7}, "its tokens"),
        ("merges.txt", b"#version: 0.2\nab c\na b\n", "its merges"),
        ("merges.txt", b"", "its merges"),
    ],
)
def test_another_tokenizer_is_refused_by_its_file(
    path: Path, name: str, data: object, what: str
) -> None:
    put(path, name, data)
    with pytest.raises(CheckpointError, match=what) as caught:
        open_checkpoint(path)
    assert str(caught.value.where).endswith(name)
    assert "a b" not in str(caught.value)


def test_a_merge_that_only_the_other_makes(path: Path) -> None:
    data = json.loads((path / "tokenizer.json").read_bytes())
    data["model"]["merges"] = MERGES[:1]
    put(path, "tokenizer.json", data)
    put(path, "tokenizer.model", sentencepiece(BASE))
    (line,) = open_checkpoint(path).cautions
    assert SCORES in line


def test_scores_of_whole_pieces(path: Path) -> None:
    rows = [[word, -float(i)] for word, i in WORDS.items() if i < 6]
    model = {"type": "Unigram", "vocab": rows}
    put(path, "tokenizer.json", {"added_tokens": ADDED, "model": model})
    put(path, "tokenizer.model", sentencepiece(BASE))
    assert open_checkpoint(path).cautions == ()
    put(path, "tokenizer.model", sentencepiece(BASE, abc=-5.5))
    (line,) = open_checkpoint(path).cautions
    assert SCORES in line


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("added_tokens.json", {"<new>": 5}, "added_tokens.json, which gives tokens other ids"),
        ("added_tokens.json", {"<odd>": 6}, "added_tokens.json, which gives tokens other ids"),
        ("special_tokens_map.json", {"eos_token": "<s>"}, "says another eos_token than"),
        ("tokenizer.model", b"\x00binary", "tokenizer.model, which is of no kind"),
        ("tokenizer.model", sentencepiece([*BASE[:2], "c", "b", "ab", "abc"]), PIECES),
        ("tokenizer.model", sentencepiece(BASE[:5]), PIECES),
        ("tokenizer.model", sentencepiece([*BASE, "x"]), PIECES),
        ("spiece.model", sentencepiece(BASE, ab=-7, abc=-1), SCORES),
        ("qwen.tiktoken", tiktoken([*BASE[:4], "abc", "ab"]), PIECES),
        ("tokenizer.model", sentencepiece(BASE)[:-5], "tokenizer.model, which is of no kind"),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"6": {"content": "<old>"}}},
            "tokenizer_config.json, which adds tokens with other ids",
        ),
    ],
)
def test_smaller_differences_are_told(path: Path, name: str, data: object, says: str) -> None:
    put(path, name, data)
    (line,) = open_checkpoint(path).cautions
    assert line.startswith("not audited: ")
    assert says in line


def test_a_judge_is_ours_alone_and_nothing_is_compared_without_tokenizer_json(path: Path) -> None:
    put(path, "merges.txt", b"c a")
    open_checkpoint(path, served=False)
    (path / "tokenizer.json").unlink()
    assert open_checkpoint(path).cautions == ()


def test_what_the_tokenizers_library_saves_twice_is_the_same(path: Path) -> None:
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    text = [Path(__file__).read_text(encoding="utf-8"), "Grüße, 東京 🙂"]
    made.train_from_iterator(text, vocab_size=600, special_tokens=["<s>", "</s>"])
    made.save(str(path / "tokenizer.json"))
    made.save_model(str(path))
    ids: dict[str, Any] = json.loads((path / "vocab.json").read_bytes())
    assert len(ids) > 400
    assert open_checkpoint(path).cautions == ()
    lines = (path / "merges.txt").read_bytes().split(b"\n")
    lines[5], lines[6] = lines[6], lines[5]
    put(path, "merges.txt", b"\n".join(lines))
    with pytest.raises(CheckpointError, match="its merges"):
        open_checkpoint(path)


@pytest.mark.parametrize("write", [sentencepiece, tiktoken])
def test_damaged_files_are_read_or_not(tmp_path: Path, write: Callable[..., bytes]) -> None:
    draw, file = random.Random(5), tmp_path / "tokenizer.model"
    for _ in range(400):
        file.write_bytes(damaged(write(BASE), draw))
        found = read_pieces(file)
        assert found is None or all(isinstance(index, int) for index in found.ids.values())


def test_merges_of_nothing_but_newlines_take_no_time(path: Path) -> None:
    for line in (b"\n", b"\r\n", b" \n", b"#version: 0.2\n"):
        put(path, "merges.txt", line * 20_000_000)
        begun = time.process_time()
        with pytest.raises(CheckpointError, match="its merges"):
            open_checkpoint(path)
        assert time.process_time() - begun < 2
    put(path, "merges.txt", b"a b\n" + b"\n" * 1000 + b"ab c\n")
    assert open_checkpoint(path).cautions == ()
