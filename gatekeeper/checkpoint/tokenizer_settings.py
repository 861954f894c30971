"""Finds settings of a tokenizer, or of attention, that loaders read in different ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gatekeeper.checkpoint.json_files import read_json
from gatekeeper.checkpoint.other_tokenizer import TOKENIZER, TOKENIZER_CONFIG
from gatekeeper.errors import CheckpointError, excerpt

#: Characters of a chat template that are looked through.
_LONGEST_TEMPLATE = 1_000_000
#: Settings of config.json that servers read and the model classes of transformers do not.
_ATTENDS = ("dual_chunk_attention_config",)


def refuse_split_tokens(path: Path) -> None:
    """Refuses a tokenizer that is to cut special tokens into pieces.

    transformers does so with the marks of the chat template; the tokenizers library, which most
    servers ask, does not know the setting.

    Raises:
        CheckpointError: it is.
    """
    settings = path / TOKENIZER_CONFIG
    if settings.is_file() and read_json(settings).get("split_special_tokens") is True:
        raise CheckpointError(
            "split_special_tokens has transformers cut the marks of turns into pieces, and other "
            "loaders not",
            where=excerpt(settings),
            remedy="remove it, if the model is served without it",
        )


def refuse_other_file(path: Path) -> None:
    """Refuses a tokenizer of which transformers may read another file than tokenizer.json.

    Raises:
        CheckpointError: tokenizer_config.json names one for some of its versions.
    """
    settings = path / TOKENIZER_CONFIG
    named = read_json(settings).get("fast_tokenizer_files") if settings.is_file() else None
    if named and named != [TOKENIZER]:
        raise CheckpointError(
            f"fast_tokenizer_files has transformers read another file than {TOKENIZER}, by its "
            f"version, and other loaders {TOKENIZER}",
            where=excerpt(settings),
            remedy=f"keep {TOKENIZER} of that version alone, and remove the setting",
        )


def read_tokenizer(path: Path) -> Mapping[str, Any]:
    """Reads tokenizer.json; empty if there is none or a damaged one.

    That is refused by name where it is loaded; `inspect` and `estimate` need none.
    """
    with suppress(CheckpointError):
        if (path / TOKENIZER).is_file():
            return read_json(path / TOKENIZER)
    return {}


def written_otherwise(path: Path, tokenizer: Mapping[str, Any]) -> Iterator[str]:
    """A line for each setting by which llama.cpp, or tokenizers of another kind, change a prompt.

    Args:
        tokenizer: as `read_tokenizer` gives it; nothing is compared with an empty one.
    """
    file = path / TOKENIZER_CONFIG
    settings = read_json(file) if file.is_file() else {}
    if not tokenizer or not settings:
        return
    template = _template(path, settings)
    for kind, place in (("bos", 0), ("eos", -1)):
        name, token = f"add_{kind}_token", _text(settings.get(f"{kind}_token"))
        if settings.get(name) is not True or not token or _adds(tokenizer, token, place):
            continue
        # A first token that the template writes is not written twice.
        if kind == "eos" or not (f"{kind}_token" in template or token in template):
            yield (
                f"not applied: {name} of {TOKENIZER_CONFIG}, of which {TOKENIZER} says nothing: "
                "llama.cpp adds the token to each prompt"
            )
    if settings.get("do_lower_case") is True and "owercase" not in str(tokenizer.get("normalizer")):
        yield (
            f"not applied: do_lower_case of {TOKENIZER_CONFIG}, of which {TOKENIZER} says nothing: "
            "loaders that build the tokenizer from its words apply it to prompts"
        )


def _template(path: Path, settings: Mapping[str, Any]) -> str:
    file = path / "chat_template.jinja"
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace")[:_LONGEST_TEMPLATE]
    return str(settings.get("chat_template"))


def _text(token: object) -> str:
    said = token.get("content") if isinstance(token, Mapping) else token
    return said if isinstance(said, str) else ""


def _adds(tokenizer: Mapping[str, Any], token: str, place: int) -> bool:
    """Whether the tokenizer's own post-processor puts a token at this end of a text."""
    processor = tokenizer.get("post_processor")
    processor = processor if isinstance(processor, Mapping) else {}
    steps = processor.get("processors")
    for step in steps if isinstance(steps, list) else [processor]:
        pieces = step.get("single") if isinstance(step, Mapping) else None
        piece = pieces[place] if isinstance(pieces, list) and pieces else None
        special = piece.get("SpecialToken") if isinstance(piece, Mapping) else None
        if isinstance(special, Mapping) and special.get("id") == token:
            return True
    return False


def read_otherwise(tokenizer: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """A line for each setting that other loaders apply and an audit does not.

    Args:
        tokenizer: as `read_tokenizer` gives it.
    """
    for name, what in (("truncation", "cuts prompts"), ("padding", "fills prompts up")):
        if tokenizer.get(name) is not None:
            yield (
                f"not applied: {name} of {TOKENIZER}, which {what} wherever the tokenizers library "
                "itself reads them"
            )
    for name in _ATTENDS:
        if config.get(name):
            yield (
                f"not applied: {name} of config.json, with which vLLM and SGLang attend otherwise "
                "than transformers"
            )
