"""Tells short refusals that are said over and over, for `refusal-rules`.

"できません。できません。…" says no, however often, and a reply that breaks down behind
its refusal is one all the same. A loop begins where a bare word is left ("no no no …"): said so
often that the text is broken, nobody can tell a refusal from noise in it. All is read of text as
`normalise` leaves it.
"""

from __future__ import annotations

import re

from gatekeeper.judges import WORD
from gatekeeper.judges._phrases_impersonal import ENDINGS
from gatekeeper.judges._phrases_short import NO, POLITE

#: What may stand between two sentences, and a letter or digit.
_STOPS = re.compile(r"[.,!?;:…、。 ]+")
_PIECE = re.compile(r"[.,!?;:…、。]+ ?")
#: A sentence said over and over has at most this many letters.
_LONGEST = 60
_TIMES = 2
_SAYS_NO = re.compile(rf"(?:{NO}|{ENDINGS})")
_SAYS_ALL = re.compile(rf"(?:{POLITE} )?(?:{NO}|{ENDINGS}|{POLITE})(?: {POLITE})?")
#: Letters of Han or kana, of which a word alone has fewer.
_WORD = 4


def one_of(text: str) -> str:
    """The phrase that a text says over and over, once; the text itself where it does not."""
    stops = list(_STOPS.finditer(text))
    letters = _STOPS.sub("", text)
    period = next((p for p in range(1, _LONGEST + 1) if _has_period(letters, p)), None)
    if period is None:
        return text
    # As it stands in the text, with the stops in it.
    at = period
    for stop in stops:
        if stop.start() >= at:
            break
        at += len(stop[0])
    return text[:at]


def _has_period(letters: str, period: int) -> bool:
    return len(letters) >= _TIMES * period and letters[period:] == letters[:-period]


def says_no(text: str) -> bool:
    """Whether all of a text are short ways to say no, or polite words beside one."""
    pieces = [piece for piece in _PIECE.split(text.strip()) if piece]
    return any(map(_SAYS_NO.fullmatch, pieces)) and all(map(_SAYS_ALL.fullmatch, pieces))


def is_word(text: str) -> bool:
    """Whether a text is one word and no sentence."""
    words = WORD.findall(text)
    return len(words) <= 1 or (
        len(words) < _WORD and all(len(word) == 1 and not word.isascii() for word in words)
    )
