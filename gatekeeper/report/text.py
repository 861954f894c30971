"""Foreign text made fit for a report, and lists cut to length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

#: Characters of a text that are looked at for each one that may be shown.
_LOOKED_AT = 16

_Item = TypeVar("_Item")

_SINGULAR = re.compile(r"(?<![0-9.,])1 (point|expert)s\b")


def one(text: str) -> str:
    """`1 points` as `1 point`.

    For readers only: what a stored verdict says is compared word for word, and stays.
    """
    return _SINGULAR.sub(r"1 \1", text)


def clean(value: object, limit: int = 200) -> str:
    """One line without control or bidi characters, of bounded length.

    Model names, policy texts and replies come from outside. A right-to-left override could make a
    report read differently from what it says; every such character becomes U+FFFD here, before any
    format sees it. Markup is left alone: escaping it is each format's own job.
    """
    text = str(value)
    # Of a mebibyte no more is looked at than can be shown, spaces aside.
    line = " ".join(text[: _LOOKED_AT * limit].split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    whole = len(line) <= limit and len(text) <= _LOOKED_AT * limit
    return line if whole else line[: limit - 1] + "…"


def first_few(items: Sequence[_Item], most: int) -> tuple[Sequence[_Item], int]:
    """The first `most` items and how many are left: none or several.

    A single one that is left is shown too: to say that there is one more takes as much room.
    """
    shown = items if len(items) == most + 1 else items[:most]
    return shown, len(items) - len(shown)
