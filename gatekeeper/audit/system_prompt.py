"""The file of a system prompt."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.plain_files import open_plain
from gatekeeper.pointers import refuse_pointer

#: Beyond any context: what is longer is no system prompt.
_LONGEST_PROMPT = 4_000_000
_MARK = "\ufeff"


def system_prompt_of(path: Path | None) -> str | None:
    """Reads a system prompt from its file.

    Raises:
        UsageError: it cannot be read, or is no prompt.
    """
    if path is None:
        return None
    try:
        with open_plain(path, excerpt(path), UsageError) as file:
            raw = file.read(_LONGEST_PROMPT + 1)
    except OSError as error:
        raise UsageError(
            "the system prompt cannot be read", where=excerpt(path), remedy="give a UTF-8 text file"
        ) from error
    if len(raw) > _LONGEST_PROMPT:
        raise UsageError(
            f"the system prompt has more than {_LONGEST_PROMPT:,} bytes",
            where=excerpt(path),
            remedy="give the file of the prompt itself",
        )
    refuse_pointer(raw, excerpt(path), UsageError)
    return _text(raw, excerpt(path))


def own_system_prompt_of(path: Path | None) -> str | None:
    """What a file of the system prompt that the model is served with holds.

    Raises:
        UsageError: see `system_prompt_of`; or it holds no text. Some templates write their own
            system prompt where none is given and none where an empty one is, others an empty turn:
            it would not be told what was audited.
    """
    text = system_prompt_of(path)
    if path is not None and not text:
        raise UsageError(
            "the system prompt holds no text",
            where=excerpt(path),
            remedy="leave --system-prompt out, or write what the model is served with",
        )
    return text


def _text(raw: bytes, where: str) -> str:
    """The text, without white space around it; what editors put into files is no prompt."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the system prompt is not in UTF-8 (byte {error.start + 1})",
            where=where,
            remedy="save it as UTF-8",
        ) from error
    odd = next((c for c in text if c == _MARK or (c < " " and c not in "\t\n\r\f")), None)
    if odd is not None:
        named = "byte order mark" if odd == _MARK else "control character"
        line = text[: text.index(odd)].count("\n") + 1
        raise UsageError(
            f"the system prompt holds a {named} (U+{ord(odd):04X}), which the model would read",
            where=f"{where}:{line}",
            remedy="save it as UTF-8 without it",
        )
    return text.strip()
