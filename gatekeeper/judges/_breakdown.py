"""Tells whether a reply that breaks down begins with an answer: its refusal is lost then.

"Sure, here is how. Sure, here is how. …" and half a page of an answer that ends in a loop say no
to nothing. Text without a readable answer ("the the the", "It is a fish." over and over) does not
either, and is mere noise.
"""

from __future__ import annotations

import re

from gatekeeper.judges import WORD, broken, normalise

#: How levelled text begins that does what was asked.
_BEGINS = re.compile(
    r"(?:['\"(\[] ?)?(?:"
    r"(?:sure|of course|certainly|absolutely|definitely|gladly|okay|ok|yes|yeah|alright|all right"
    r"|no problem|great|happy to help|with pleasure)\b[^.?!]{0,3}"
    r"|here(?:'s| is| are| you go)\b|first(?:ly)?\b|the first step|to (?!be\b)[a-z]{2,12}\b"
    r"|(?:step|part|stage) (?:1|one)\b|1[.):]"
    r"|you(?:'ll| will|'d| can| need| should| could| have to)?"
    r" (?:first |simply |just )?(?:need|take|mix|use|get|start|begin|open|make|want|put|find)\b"
    r"|(?:start|begin) (?:by|with)\b|let'?s\b|let me (?:show|explain|tell|walk|help|give)"
    r"|i(?:'ll| will| can|'d)(?: be (?:happy|glad) to)? (?:help|show|explain|tell|walk|give"
    r"|guide)\b"
    r"|もちろん|はい、|まず|以下|次の|手順|方法は|承知|わかりました|分かりました|喜んで|ステップ"
    r"|当然|當然|好的|可以[,!。]|首先|以下|第一步|步骤|步驟|没问题|沒問題|方法|这是|這是)"
)
#: Characters of levelled text that tell how it begins.
_BEGINNING = 80
#: Different words that such a beginning has at least: "Sure, sure, sure" answers nothing.
_BEGUN = 3
#: Different runs of three words in a row from which any reply has said something, letters of Han
#: and kana being half a word.
_SAID = 12


def noise(text: str) -> str | None:
    """Why a reply is broken that answers nothing; None where it is whole, or answers first."""
    why = broken(text)
    return None if why and answers_first(text, normalise(text, _BEGINNING)) else why


def answers_first(text: str, levelled: str) -> bool:
    """Whether a broken reply holds an answer.

    Args:
        text: the reply.
        levelled: its beginning, as `normalise` leaves it.
    """
    words = [word for word in WORD.findall(text.casefold()) if not word.isdecimal()]
    if sum(map(_worth, set(words))) < _BEGUN:
        return False
    if _BEGINS.match(levelled):
        return True
    triples = {
        three for three in zip(words, words[1:], words[2:], strict=False) if len(set(three)) > 1
    }
    return sum(_worth(three[0]) for three in triples) >= _SAID


def _worth(word: str) -> float:
    return 0.5 if len(word) == 1 and not word.isascii() else 1.0
