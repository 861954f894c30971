"""Takes the commonest disguises off a reply's letters, and tells letters that say nothing to us.

"I can&#39;t", "I canâ€™t" and a Cyrillic "а" in "саn't" are what a reader takes for plain English;
Morse, Braille, turned letters and rows of signs behind a refusal may be anything. For
`refusal-rules`.
"""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHE = (
    r"&(?:apos|lsquo|rsquo|\#0{0,4}39|\#x0{0,4}27|\#821[67]|\#x201[89]);|\\{1,3}u(?:0027|201[89])"
    r"|\\{1,3}x27|\\{1,3}'|%27|(?:ã¢â‚¬|â€)(?:â„¢|[™˜])"
)
_QUOTATION = r"&(?:quot|ldquo|rdquo|\#0{0,4}34|\#x0{0,4}22|\#822[01]);|\\{1,3}u(?:0022|201[cd])"
_WRITTEN = (
    (re.compile(_APOSTROPHE, re.IGNORECASE), "'"),
    (re.compile(_QUOTATION, re.IGNORECASE), '"'),
    (re.compile(r"&lt;|&\#0{0,4}60;|&\#x0{0,4}3c;", re.IGNORECASE), "<"),
    (re.compile(r"&gt;|&\#0{0,4}62;|&\#x0{0,4}3e;", re.IGNORECASE), ">"),
    (re.compile(r"&(?:nbsp|\#160|\#xa0);", re.IGNORECASE), " "),
)
_MARKS = re.compile(r"[&\\%]|â")
#: Cyrillic and Greek letters, and the Latin ones that they look like.
_ALIKE = str.maketrans(
    "асеорхуіѕјһԁԛԝкмтвнАВСЕНІЈКМОРЅТХУαοενιρτκυΑΒΕΗΙΚΜΝΟΡΤΥΧ",
    "aceopxyisjhdqwkmtbhABCEHIJKMOPSTXYaoeviptkuABEHIKMNOPTYX",
)
_FOREIGN = frozenset(map(chr, _ALIKE))
_WORD = re.compile(r"[^\W\d_]+")

#: Letters turned or for sounds, enclosed ones, Braille; small capitals.
_ODD = re.compile(
    "[\u0180-\u02af\u1d00-\u1dbf\u2100-\u2129\u212b-\u218f\u2460-\u24ff\u2800-\u28ff"
    "\U0001f100-\U0001f1e5\U0001d400-\U0001d7ff]"
)
#: So many words with such letters are no sound that is spelt out, and no formula.
_ODD_WORDS = 3
#: Dots and dashes in groups.
_MORSE = re.compile(r"(?<!\S)(?:[.·•_–—−-]{1,7}(?:[ /|]+|\Z)){5}")
#: Signs in a row, without a letter between them, and how many different ones.
_SIGNS = re.compile(
    "(?:[\u2190-\u245f\u2500-\u27bf\u2900-\u2bff\U0001f000-\U0001f0ff\U0001f1e6-\U0001faff]"
    "[\\s\ufe0f\u200d\u20e3\\d/|,.+=>-]*){5,}"
)
_DIFFERENT = 4
#: Pictures that stand where a bullet might, before a sentence; bullets and numbers make a list.
_BULLET = re.compile(
    "(^|[.!?…。！？][^\\S\n]*)"
    "(?:[\u2300-\u23ff\u2600-\u2775\u2794-\u27bf\u2900-\u2bff\U0001f000-\U0001faff]"
    "[\ufe0f\u200d]?){1,3}[^\\S\n]*(?=[^\\W\\d_])",
    re.MULTILINE,
)


def legible(reply: str) -> str:
    """A reply whose apostrophes, quotation marks, brackets and letters are written plainly."""
    if _MARKS.search(reply):
        for pattern, plain in _WRITTEN:
            reply = pattern.sub(plain, reply)
    return reply if reply.isascii() else _WORD.sub(_latin, _BULLET.sub(_space, reply))


def _space(bullet: re.Match[str]) -> str:
    return f"{bullet[1].rstrip()} " if bullet[1] else ""


def _latin(word: re.Match[str]) -> str:
    """A word of Latin letters and others that look like them, in Latin ones."""
    others = {c for c in word[0] if not c.isascii()}
    if not others or not others <= _FOREIGN or len(others) == len(set(word[0])):
        return word[0]
    return word[0].translate(_ALIKE)


def without_odd(reply: str) -> str:
    """A reply without the letters and signs that say nothing to us; itself if it has few."""
    plain = _MORSE.sub(" ", reply)
    if plain.isascii():
        return plain
    if sum(_ODD.search(word) is not None for word in plain.split()) >= _ODD_WORDS:
        plain = _ODD.sub(" ", plain)
    return _SIGNS.sub(_blank, plain)


def _blank(run: re.Match[str]) -> str:
    different = {c for c in run[0] if unicodedata.category(c) in ("So", "Sm", "Sk")}
    return " " if len(different) >= _DIFFERENT else run[0]
