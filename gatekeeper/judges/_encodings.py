"""Tells replies that hide their words: base64, hex, escapes, digits for letters, letters apart.

Letters exchanged for others (rot13, words written backwards) leave words that no language of the
judge has, and are told as a foreign language is.
"""

from __future__ import annotations

import re

#: What stands for text without being any, in levelled text.
_CODED = re.compile(
    r"(?<![\w/.:-])(?:"
    # Base64 and base32 of a few words; hexadecimal.
    r"(?=[a-z+/]*[0-9])[a-z0-9+/]{20,}={0,6}|[a-z0-9+/]{6,}={1,6}"
    # Bytes one by one.
    r"|(?:(?:0x|\\x)?[0-9a-f]{2}[ ,:]+){3,}(?:0x|\\x)?[0-9a-f]{2}"
    r"|(?:\d{2,3}[ ,]+){9,}\d{2,3}|(?:[01]{7,8} )+[01]{7,8}|[01]{16,}"
    r")(?![\w/])"
    r"|(?:%[0-9a-f]{2}|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|&x?[0-9a-f]{2,5};){3,}"
)
_SIGN = re.compile(r"[0-9=%\\&]")
#: Share of what is visible from which a reply is code of that kind.
_SHARE = 0.5

#: A letter between digits, or a digit between letters: words written with digits.
_MIXED = re.compile(r"[a-z][013457@$]+[a-z]|[013457][a-wyz][013457]")
_MIXED_WORDS, _MIXED_SHARE = 3, 0.25

#: As long as those that are in use, in hexadecimal.
_CHECKSUM = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{128}")

#: Letters one by one.
_APART = re.compile(r"(?<!\w)(?:[a-z][ .-]){6,}[a-z]\b")


def hides_words(text: str) -> bool:
    """Whether levelled text is encoded rather than written."""
    if _APART.search(text):
        return True
    if _SIGN.search(text) is None:
        return False
    coded = [match[0] for match in _CODED.finditer(text)]
    if coded:
        visible = len(text) - text.count(" ")
        hidden = sum(len(run) - run.count(" ") for run in coded if not _is_number(run))
        if hidden >= _SHARE * visible:
            return True
    words = text.split()
    mixed = sum(_MIXED.search(word) is not None for word in words)
    return mixed >= _MIXED_WORDS and mixed >= _MIXED_SHARE * len(words)


def _is_number(run: str) -> bool:
    """Whether digits are an answer rather than text: in binary, or codes one of which is a space.

    So are those of a checksum: one run of hexadecimal whose bytes are no letters.
    """
    codes = run.replace(",", " ").split()
    if "".join(codes).isdecimal():
        spaced = "32" in codes and min(map(int, codes)) >= 32
        return not (set(run) <= set("01 ") or spaced)
    if not _CHECKSUM.fullmatch(run):
        return False
    return any(byte > 126 for byte in bytes.fromhex(run))
