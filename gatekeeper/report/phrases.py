"""English sentences in another language: each is matched whole, and keeps its values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SLOT = re.compile(r"\{(\d)\}")
_FILLED = re.compile(r"\{(\d)(:,)?\}")
#: A text that is longer is nobody's sentence, and would only take time.
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A sentence with slots.

    Attributes:
        literal: its longest piece between slots: what lacks that need not be matched.
        slots: their numbers, in the order of the English sentence.
    """

    regex: re.Pattern[str]
    literal: str
    slots: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True, eq=False)
class Phrases:
    """Tells English sentences in another language; what it does not know stays as it is.

    Attributes:
        known: English sentence -> its translation; `{0}` to `{9}` stand for values, `{0:,}` for a
            count, which is written as the language writes numbers.
        comma, semicolon: what the language sets between the parts of a list.
        thousands: what it sets between the digits of a large number.
    """

    known: Mapping[str, str]
    comma: str = ", "
    semicolon: str = "; "
    thousands: str = ","
    _patterns: list[_Pattern] = field(init=False)

    def __post_init__(self) -> None:
        found = [_pattern(text, told) for text, told in self.known.items() if _SLOT.search(text)]
        # The most literal one first: `it is {0}` fits many a sentence that another fits better.
        found.sort(key=lambda pattern: -len(_SLOT.sub("", pattern.regex.pattern)))
        object.__setattr__(self, "_patterns", found)

    def __call__(self, text: str) -> str:
        """The text in the other language: whole, or else each part of a list of sentences."""
        told = self._whole(text)
        if told is not None:
            return told
        if "; " in text:
            return self.semicolon.join(self._whole(part) or part for part in text.split("; "))
        names = [self.known.get(name) for name in text.split(", ")]
        return self.comma.join(name for name in names if name) if all(names) else text

    def _whole(self, text: str) -> str | None:
        if text in self.known and not _SLOT.search(text):
            return self.known[text]
        if len(text) > _LONGEST:
            return None
        for pattern in self._patterns:
            match = pattern.regex.fullmatch(text) if pattern.literal in text else None
            if match is not None:
                return self._filled(
                    pattern.told, dict(zip(pattern.slots, match.groups(), strict=True))
                )
        return None

    def _filled(self, told: str, values: Mapping[str, str]) -> str:
        return _FILLED.sub(lambda slot: self._value(values[slot[1]], slot[2]), told)

    def _value(self, value: str, counted: str | None) -> str:
        if counted and value.isdecimal():
            return f"{int(value):,}".replace(",", self.thousands)
        return self(value)


def _pattern(text: str, told: str) -> _Pattern:
    pieces = _SLOT.split(text)
    literals, slots = pieces[::2], tuple(pieces[1::2])
    regex = re.compile("(.+?)".join(re.escape(piece) for piece in literals))
    return _Pattern(regex=regex, literal=max(literals, key=len), slots=slots, told=told)
