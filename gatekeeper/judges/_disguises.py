"""Takes disguises off a text: escapes, encodings, letters of other widths.

A server knows the key that it was sent; what it says of it must not reach a log in any of them.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from urllib.parse import unquote

_HEX = re.compile(r"(?:(?:0x|\\x|\\u00)?[0-9a-f]{2}[\s:,;.-]{0,2}){3,}", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{4,}")
_ESCAPED = re.compile(r"\\(?:x|u|u00)?\{?([0-9a-f]{2,6})\}?", re.IGNORECASE)
#: Disguises one over the other that are taken off.
_DEPTH = 3


def readings(text: str) -> set[str]:
    """The text, and what it says without its disguises."""
    texts, latest = {text}, {text}
    for _ in range(_DEPTH):
        latest = {way(t) for t in latest for way in _WAYS} - texts
        texts |= latest
    return texts


def _backwards(text: str) -> str:
    return text[::-1]


def _wide(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), text)


def _hex(text: str) -> str:
    """The text written in hexadecimal, whatever is between two digits and the next two."""
    said = []
    for match in _HEX.finditer(text):
        digits = re.sub(r"0x|\\x|\\u00|[\s:,;.-]", "", match[0].lower())
        for start in range(2):
            pairs = digits[start : start + (len(digits) - start) // 2 * 2]
            said.append(bytes.fromhex(pairs).decode("latin-1"))
    return " ".join(said)


def _base64(text: str) -> str:
    """The text written in base64, wherever in a word it begins."""
    said = []
    for match in _BASE64.finditer(text):
        word = match[0].replace("-", "+").replace("_", "/")
        for start in range(4):
            part = word[start:]
            part += "A" * (-len(part) % 4)
            said.append(base64.b64decode(part).decode("latin-1"))
    return " ".join(said)


_WAYS = (_backwards, unquote, html.unescape, _wide, _escaped, _hex, _base64)
