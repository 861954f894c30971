"""How long prompts are where no tokenizer is at hand to count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatekeeper.records.suite import Suite

#: Characters to a token of an alphabet, tokens to a Chinese or Japanese character, and tokens of a
#: chat template, where no tokenizer is at hand.
CHARACTERS, _WIDE, TEMPLATE = 4.0, 1.0, 16
_FIRST_WIDE = 0x2E80


def approximate_lengths(suite: Suite, system: str | None) -> dict[str, int]:
    """Tokens of each prompt by its characters, the chat template's and the system prompt's too."""
    before = TEMPLATE + _tokens(system or "")
    return {prompt.id: before + _tokens(prompt.text) for prompt in suite.prompts}


def _tokens(text: str) -> int:
    wide = sum(ord(char) >= _FIRST_WIDE for char in text)
    return round(wide * _WIDE + (len(text) - wide) / CHARACTERS)
