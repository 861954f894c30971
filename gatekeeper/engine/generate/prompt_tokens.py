"""Counts the tokens of the longest prompt before a model is loaded."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from gatekeeper.checkpoint.other_tokenizer import TOKENIZER
from gatekeeper.checkpoint.tokenizer_steps import refuse_boundless
from gatekeeper.errors import is_panic
from gatekeeper.estimate.prompt_lengths import TEMPLATE, approximate_lengths
from gatekeeper.records.suite import Suite

#: Prompts that are counted: those of most bytes, one of which is the longest, or nearly.
_COUNTED = 16


def longest_prompt(checkpoint: Path, suite: Suite, system: str | None) -> int:
    """Tokens of the longest prompt by tokenizer.json, a chat template's about; else by characters.

    A guess by characters may be a third too low; what attention writes down grows with the square.
    """
    prompts = sorted(suite.prompts, key=lambda prompt: -len(prompt.text.encode()))[:_COUNTED]
    file = checkpoint / TOKENIZER
    if prompts and file.is_file():
        texts = tuple(prompt.text for prompt in prompts)
        known = _counts(file, file.stat().st_mtime_ns, (*texts, system or ""))
        if known is not None:
            return max(known[:-1]) + known[-1] + TEMPLATE
    return max(approximate_lengths(suite, system).values(), default=0)


@lru_cache(maxsize=4)
def _counts(file: Path, _written: int, texts: tuple[str, ...]) -> tuple[int, ...] | None:
    """Tokens of each text, or None where the file is not fit for it: loading it will tell why."""
    from tokenizers import Tokenizer

    try:
        refuse_boundless(file.parent)
        tokenizer = Tokenizer.from_file(str(file))
        found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    except BaseException as error:  # the library raises bare Exception, and panics
        if not (isinstance(error, Exception) or is_panic(error)):
            raise  # an interrupt
        return None
    return tuple(len(encoded.ids) for encoded in found)
