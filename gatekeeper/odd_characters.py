"""Characters that look like ones on the keyboard and are others, as copied text brings them."""

from __future__ import annotations

import unicodedata

#: What NFKC leaves as it is.
_LOOKS_LIKE = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\t\u1680\u180e\u2028\u2029", " "),
}


def replacement(character: str) -> str | None:
    """What was meant by a character that no keyboard of ASCII has, or by a tab; None if it is
    nothing that could be taken for ASCII.
    """
    if character in _LOOKS_LIKE:
        return _LOOKS_LIKE[character]
    if character.isascii():
        return None
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isascii() and plain.isprintable() else None


def first_odd(text: str) -> int | None:
    """Index of the first character that `replacement` knows better."""
    if text.isascii() and "\t" not in text:
        return None
    return next((i for i, c in enumerate(text) if replacement(c) is not None), None)


def named(character: str) -> str:
    """`character U+00A0 (no-break space)`; a tab is called so."""
    if character == "\t":
        return "a tab, where YAML takes spaces only"
    name = unicodedata.name(character, "").lower()
    return f"character U+{ord(character):04X}" + (f" ({name})" if name else "")


def foreign(word: str) -> str:
    """Names the first character of a word that is not ASCII: some look just like ones that are.

    `what is there has character U+0430 (cyrillic small letter a) at place 6`; nothing if all are.
    """
    at = next((i for i, c in enumerate(word) if not c.isascii()), None)
    return "" if at is None else f"what is there has {named(word[at])} at place {at + 1}"


def remedy(character: str) -> str:
    """What to write instead."""
    meant = replacement(character)
    if character == "\t":
        return "write spaces instead (the space bar, not the Tab key), as the lines around it have"
    return f"write {'a plain space' if meant == ' ' else meant} instead"
