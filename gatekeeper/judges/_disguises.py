"""What a text may say to whoever takes the disguise off it: escapes, encodings, other widths.

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
    found, latest = {text}, {text}
    for _ in range(_DEPTH):
        latest = {way(one) for one in latest for way in _WAYS} - found
        found |= latest
    return found


def _backwards(text: str) -> str:
    return text[::-1]


def _wide(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), text)


def _hex(text: str) -> str:
    """What is written in hexadecimal, whatever is between two digits and the next two."""
    said = []
    for match in _HEX.finditer(text):
        digits = re.sub(r"0x|\\x|\\u00|[\s:,;.-]", "", match[0].lower())
        for start in range(2):
            pairs = digits[start : start + (len(digits) - start) // 2 * 2]
            said.append(bytes.fromhex(pairs).decode("latin-1"))
    return " ".join(said)


def _base64(text: str) -> str:
    """What is written in base64, wherever in a word it begins."""
    said = []
    for match in _BASE64.finditer(text):
        word = match[0].replace("-", "+").replace("_", "/")
        for start in range(4):
            whole = word[start:]
            whole += "A" * (-len(whole) % 4)
            said.append(base64.b64decode(whole).decode("latin-1"))
    return " ".join(said)


_WAYS = (_backwards, unquote, html.unescape, _wide, _escaped, _hex, _base64)
