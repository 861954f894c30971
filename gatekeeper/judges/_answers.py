"""Reads a chat endpoint's answer strictly, and what it says of a request that it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.errors import excerpt
from gatekeeper.judges._disguises import readings
from gatekeeper.strict_json import strict_loads

#: Letters and digits in a row that a server's own words may not have in common with what is secret;
#: of scripts that say more with a character, fewer.
_ALIKE, _ALIKE_DENSE = 12, 4
#: So few of a key's: servers repeat its beginning and its end.
_ALIKE_KEY = 4
#: Characters of a server's words that are looked at; fewer than that are told.
_MOST_SAID = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer: its text, and its tokens as the server counted them (None: it did not)."""

    text: str | None
    tokens_in: int | None
    tokens_out: int | None


class AskAgainError(Exception):
    """An attempt that failed in a way that another may not; its text is safe to print.

    Attributes:
        wait: seconds the server asked for, or None.
        billed: whether the server may have worked, and charge for it.
    """

    def __init__(self, reason: str, *, wait: float | None = None, billed: bool = True) -> None:
        super().__init__(reason)
        self.wait, self.billed = wait, billed


def read_answer(body: bytes) -> Answer:
    """The text of a chat completion, or None where it is not one.

    Raises:
        AskAgainError: not JSON, or such as two readers take for two answers.
    """
    try:
        data = strict_loads(body)
    except ValueError as error:
        raise AskAgainError("did not answer in JSON") from error
    usage = data.get("usage") if isinstance(data, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    return Answer(
        text=_text(data),
        tokens_in=_count(counts.get("prompt_tokens")),
        tokens_out=_count(counts.get("completion_tokens")),
    )


def complaint(body: bytes, secrets: Sequence[str], key: str = "") -> str:
    """`error.message` of an answer, made safe to print; empty if there is none that may be told.

    Args:
        secrets: texts of which it may repeat nothing, be it spelt, spaced or encoded otherwise.
        key: of which it may not even repeat a few characters.
    """
    try:
        data = strict_loads(body)
        message = data["error"]["message"]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    if not isinstance(message, str) or not message.strip():
        return ""
    message = " ".join(message.split())[:_MOST_SAID]
    # Joined by what is neither letter nor digit: nothing is found across two of them.
    said = "\n".join(map(_letters, readings(message)))
    if any(_repeats(said, _letters(secret)) for secret in secrets):
        return ""
    return "" if any(run in said for run in _runs(_letters(key), _ALIKE_KEY)) else excerpt(message)


def _repeats(said: str, secret: str) -> bool:
    """Whether a text has a run of another one, or all of it if that is short."""
    dense = {run for run in _runs(secret, _ALIKE_DENSE) if not run.isascii()}
    return any(run in said for run in _runs(secret, _ALIKE) | dense)


def _runs(secret: str, length: int) -> set[str]:
    return {secret[i : i + length] for i in range(max(len(secret) - length, 0) + 1)} - {""}


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _text(data: Any) -> str | None:
    """The content of the first choice: a text, or a list of parts that are texts."""
    try:
        content = data["choices"][0]["message"]["content"]
        if isinstance(content, list):
            parts = [part["text"] for part in content if part["type"] == "text"]
            if len(parts) < len(content):
                return None
            content = "".join(parts)
    except (KeyError, IndexError, TypeError):
        return None
    return content if isinstance(content, str) else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 10**9 else None
