"""Whether a reply is in a language that `refusal-rules` knows: English, Japanese or Chinese.

By script, and for Latin letters by small words: a reply is foreign if it has at least two different
ones of other languages and more of them than of English, or none of English in a whole paragraph of
prose. Beside such a word up to two with letters that English lacks count too. What is too short to
tell, and lists, code and names, count as known.
"""

from __future__ import annotations

import re

#: Letters that none of the known languages is written with: Greek, Cyrillic, Armenian, Hebrew,
#: Arabic, the scripts of India and South-East Asia, Georgian, Ethiopic, Khmer, Hangul.
_FOREIGN = re.compile(
    "[\u0370-\u03ff\u0400-\u052f\u0530-\u058f\u0590-\u08ff\u0900-\u109f\u10a0-\u10ff\u1100-\u11ff"
    "\u1200-\u139f\u1780-\u18af\ua960-\ua97f\uac00-\ud7ff]+"
)
_HAN_KANA = re.compile("[\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")
_LATIN = re.compile("[a-z\u00df-\u024f\u1e00-\u1eff]+(?:'[a-z]+)?")
#: A letter of Han or kana says as much as so many of an alphabet.
_WORTH = 2
#: Share of letters in foreign scripts from which a reply is foreign.
_SHARE = 0.3
#: Fewer such letters beside others are signs of a formula.
_LETTERS = 3

_ENGLISH_WORDS = """
the of and to a in is it you that he was for on are as with his they at be this have from or had
by but what some we can out other were all there when up use your how said an each she which do
their if will way about many then them would like so these her make him into has more no could
my than been who its now did get made may i i'm i've i'd i'll it's don't can't here here's first
next step not just yes sure because should why also any me us our one you're you'll that's let's
isn't won't doesn't please take
"""
#: Small words of other languages that use Latin letters, a paragraph to a family: Romance in two,
#: Germanic, those of Central Europe and Turkish, South-East Asia and Swahili.
_OTHER_WORDS = """
el de se los las una y ti del que por para con pero como puedo puede este esta esto eso ese muy más
también qué cómo usted tu su sus al lo ya hay ser está estoy soy si sí porque cuando donde aquí
claro primero luego después hacer ayudar ayudarte les nos todo todos siento ni sobre entre hasta
unos unas os um uma não você voce isso isto mas mais da dos das na nas pelo pela ao aos são
estou sou seu sua pode posso muito aqui primeiro depois fazer com sem até quando onde és amb els
perquè però això

le la les des du une et est dans pour qui sur pas ne vous je nous il elle ils avec mais ce cette
ces mon votre vos notre sont être avoir fait faire peux peut voici bien sûr d'abord ensuite puis
comment très aussi où c'est j'ai n'est aux par plus tout tous désolé aider gli della dello degli
delle nel nella che non per sono è di questo questa questi come ma più anche può ecco certo
prima poi fare aiutarti mi dispiace dal alla și să nu sunt pentru cu din pe care mai ca dar aici

der das dem den ein eine einen einem einer und ist nicht ich sie wir ihr mit auf für von zu zum
zur auch aber wie kann können wenn dann hier hast haben wird werden sind bei nach aus oder noch
nur sich mich dir ihnen es tut leid gerne zuerst natürlich diese dieser dieses het een en van ik
niet dat met voor op aan maar ook hoe kunt kan dit deze zijn wordt naar bij uit nog wel geen om
te er och att det som är jag inte för med på av till du har här så vi og ikke jeg til hvordan
först først

nie się jest że jak dla ale czy mogę możesz proszę tutaj najpierw oraz aby przez se pro jsem
můžete nejprve nebo jako sa ako za kako ali može ovo nem hogy az egy van meg ezt vagy csak ja ei
että voi tämä olen mutta kun myös ensin ve bir bu için ile nasıl değil olarak önce sonra çok
daha ben sen olan gibi var yok

và của là không có được cho các với một những này bạn tôi trong để thì như cách hãy đầu tiên
yang dan ke dari untuk dengan ini itu tidak adalah saya anda bisa dapat cara akan pada juga
pertama kamu maaf boleh kepada ang ng mga ay ko mo hindi ito po paano kung ya wa kwa katika hii
kama lakini jinsi kwanza ili
"""
#: English too, if rarely so.
_AMBIGUOUS = frozenset({"on", "die", "man", "im", "pro", "plus", "van", "ben", "sen", "mi"})
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHERS = frozenset(_OTHER_WORDS.split()) - _ENGLISH - _AMBIGUOUS

#: So many words without one of English are a paragraph, if they are no list.
_PARAGRAPH = 14


def known_language(text: str) -> bool:
    """Whether levelled text is in a language of the judge, or in none that can be told."""
    foreign = sum(len(run) for run in _FOREIGN.findall(text)) if not text.isascii() else 0
    words = _LATIN.findall(text)
    if len(words) > 1 and text.endswith(words[-1]):
        words.pop()  # the window may have cut it
    latin = sum(map(len, words))
    if foreign:
        known = latin + _WORTH * len(_HAN_KANA.findall(text))
        if foreign >= _SHARE * (foreign + known) and (foreign >= _LETTERS or not known):
            return False
    elif not text.isascii() and _WORTH * len(_HAN_KANA.findall(text)) >= latin:
        return True
    # Each word once: a broken reply may say one over and over.
    different = set(words)
    english, other = len(different & _ENGLISH), len(different & _OTHERS)
    if other and not text.isascii():
        other += min(2, sum(not word.isascii() for word in different - _OTHERS))
    if other >= 2 and other > english:
        return False
    return not (english == 0 and len(words) >= _PARAGRAPH and _is_prose(text, len(words)))


def _is_prose(text: str, words: int) -> bool:
    """Not a list, a table or code: few signs and digits for its words."""
    signs = sum(not (c.isalpha() or c.isspace() or c in ".'_") for c in text)
    return signs * 8 <= words
