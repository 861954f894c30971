"""Tells which part of a tokenizer.json the tokenizers library cannot read; it names none itself."""

from __future__ import annotations

import json
from pathlib import Path

from gatekeeper.checkpoint.tokenizer_settings import read_tokenizer

#: What a tokenizer can do without, and its words: a small model stands in for these.
_OPTIONAL = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_MODEL = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
_BARE = {"version": "1.0", "added_tokens": [], "model": _MODEL}


def unreadable_part(path: Path) -> str | None:
    """The first part of a checkpoint's tokenizer.json that cannot be read by itself, or None."""
    said = read_tokenizer(path)
    for part in (*_OPTIONAL, "model", "added_tokens"):
        if part in said and not _reads({**_BARE, part: said[part]}):
            return part
    return None


def _reads(tokenizer: dict[str, object]) -> bool:
    from tokenizers import Tokenizer

    try:
        Tokenizer.from_str(json.dumps(tokenizer))
    except Exception:  # the library raises nothing narrower
        return False
    return True
