"""Names of rules and selectors in running text, kept on one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

#: Characters of a name that still fits the narrowest column it stands in.
LONGEST = 34


def unbroken(names: Iterable[str]) -> Callable[[str], Markup]:
    """A text as markup, in which a line ends at no hyphen of one of these names."""
    from markupsafe import Markup, escape

    kept = sorted({n for n in names if "-" in n and len(n) <= LONGEST}, key=len, reverse=True)
    named = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, kept))})(?![\w-])")

    def marked(text: str) -> Markup:
        parts = named.split(text) if kept else [text]
        return Markup("").join(
            Markup('<span class="name">{}</span>').format(part) if at % 2 else escape(part)
            for at, part in enumerate(parts)
        )

    return marked
