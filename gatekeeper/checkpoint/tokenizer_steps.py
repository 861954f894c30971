"""Refuses steps of tokenizer.json that rewrite replies, or that make texts grow without bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.checkpoint.json_files import read_json
from gatekeeper.checkpoint.other_tokenizer import TOKENIZER
from gatekeeper.errors import CheckpointError, excerpt

#: The parts of a tokenizer that are made of steps, with how a sequence of them names its own.
_PARTS = {
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "post_processor": "processors",
    "decoder": "decoders",
}
#: Steps of one part, pieces of a template, characters and tokens that a step puts in: published
#: tokenizers have 10, 5 and 3 at most.
_MOST_STEPS, _MOST_PIECES, _MOST_PUT = 16, 64, 64
_SPACE = "▁"
#: Decoders by which a reply is what its tokens say.
_FAITHFUL = ("ByteLevel", "ByteFallback", "Fuse")


def refuse_boundless(path: Path) -> None:
    """Refuses a tokenizer.json whose steps can make a short text fill the memory.

    Raises:
        CheckpointError: it has too many steps or pieces, steps that lengthen what others
            lengthened, or it cannot be read.
    """
    file = path / TOKENIZER
    if not file.is_file():
        return
    tokenizer = read_json(file)
    for part in _PARTS:
        steps = list(_steps(tokenizer.get(part), part))
        kinds = [step.get("type") for step in steps]
        lengthening = sum(map(_lengthens, steps))
        if part == "normalizer":  # a decoder of this kind shortens
            lengthening += kinds.count("ByteLevel")
        if len(steps) > _MOST_STEPS:
            _refuse(path, f"{part} has {len(steps):,} steps, more than {_MOST_STEPS}")
        if lengthening > 1 or kinds.count("Precompiled") > 1:
            _refuse(path, f"{part} lengthens texts more than once")
        if any(size > most for step in steps for size, most in _sizes(step)):
            _refuse(path, f"{part} puts in more than {_MOST_PUT} characters or pieces at a place")


def refuse_rewriting(path: Path, tokenizer: Mapping[str, Any]) -> None:
    """Refuses a decoder that writes replies otherwise than as their tokens say.

    Judges would read those, and servers that go by the tokens alone (llama.cpp) send others.

    Raises:
        CheckpointError: names the kind of step.
    """
    for step in _steps(tokenizer.get("decoder"), "decoder"):
        if not _is_faithful(step):
            raise CheckpointError(
                f"decoder has a step ({excerpt(step.get('type'))}) that can rewrite replies before "
                "they are judged, and servers such as llama.cpp do not apply it",
                where=excerpt(path / TOKENIZER),
                remedy="take the step out, or save the tokenizer again with save_pretrained",
            )


def _is_faithful(step: Mapping[str, Any]) -> bool:
    kind, content = step.get("type"), step.get("content")
    if kind == "Metaspace":
        return bool(step.get("replacement", _SPACE) == _SPACE)
    if kind == "Replace":
        return content == " " and step.get("pattern") == {"String": _SPACE}
    if kind == "Strip":
        return content == " " and step.get("start") in (0, 1) and step.get("stop") == 0
    return kind in _FAITHFUL


def _steps(part: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """The steps of a part of a tokenizer, those of sequences one by one."""
    if not isinstance(part, Mapping):
        return
    within = part.get(_PARTS[name])
    if part.get("type") == "Sequence" and isinstance(within, list):
        for step in within:
            yield from _steps(step, name)
    else:
        yield part


def _lengthens(step: Mapping[str, Any]) -> bool:
    """Whether a step can make any text longer by a factor."""
    if step.get("type") != "Replace":
        return False
    pattern, content = step.get("pattern"), _text(step.get("content"))
    literal = pattern.get("String") if isinstance(pattern, Mapping) else None
    # An expression can match nothing at all, between any two characters.
    return len(content) > (len(literal) if isinstance(literal, str) else 0)


def _sizes(step: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """What a step puts in, with the most of it."""
    for name in ("content", "prepend"):
        yield len(_text(step.get(name))), _MOST_PUT
    for name in ("single", "pair"):
        pieces = step.get(name)
        yield len(pieces) if isinstance(pieces, list) else 0, _MOST_PIECES
    tokens = step.get("special_tokens")
    for token in tokens.values() if isinstance(tokens, Mapping) else ():
        ids = token.get("ids") if isinstance(token, Mapping) else None
        yield len(ids) if isinstance(ids, list) else 0, _MOST_PUT


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _refuse(path: Path, how: str) -> NoReturn:
    raise CheckpointError(
        f"{how}: a short prompt could fill the memory",
        where=excerpt(path / TOKENIZER),
        remedy="take those steps out, or save the tokenizer again with save_pretrained",
    )
