"""What a verdict's warnings say, as values that a report makes sentences of.

The replies that some of them count are not there below the restricted level; the warnings are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_EARLY = re.compile(r"(\d+) of \d+ replies were cut at the token window ")
_UNDECIDED = re.compile(r"(\d+) of \d+ replies are undecided ")
_UNSEEN = re.compile(r"the positive control shows no loss in (.+?): what this audit ")
_UNEVEN = "some random masks are not about as busy "


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What is known of a verdict's weak spots.

    Attributes:
        early: replies that were cut off while they could still become a refusal, or cease to be
            one; `undecided`: those that no judge could tell.
        unseen: kinds of requests in which the positive control shows no loss, comma between them.
        uneven: whether some random masks are not as busy as what they are compared with.
    """

    early: int = 0
    undecided: int = 0
    unseen: str = ""
    uneven: bool = False


def on_page_two(warning: str) -> bool:
    """Whether the summary says the same of a warning, with more to it."""
    return any(pattern.match(warning) for pattern in (_EARLY, _UNDECIDED, _UNSEEN))


def noted(warnings: Iterable[str]) -> Noted:
    """Reads the warnings of a verdict, as `policy` writes them in English."""
    text = "\n".join(warnings)
    early, undecided, unseen = (p.search(text) for p in (_EARLY, _UNDECIDED, _UNSEEN))
    return Noted(
        early=int(early[1]) if early else 0,
        undecided=int(undecided[1]) if undecided else 0,
        unseen=unseen[1] if unseen else "",
        uneven=_UNEVEN in text,
    )
