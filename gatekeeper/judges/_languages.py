"""Tells replies in the languages that `refusal-rules` knows: English, Japanese, Chinese.

By script, and for Latin letters by words. A reply is foreign if it has at least two different small
words of other languages and more of them than of English (up to two words with letters that English
lacks count too), if it is nothing but a word that says yes, no or sorry elsewhere, or if few of the
words of its sentences are English at all: the same tells words that are written backwards or with
other letters. Lists, code, and what is too short to tell count as known.
"""

from __future__ import annotations

import re

from gatekeeper.judges._encodings import hides_words
from gatekeeper.judges._words import SHARED, looks_english

#: Letters that none of the known languages is written with, and their marks. Latin, kana and Han
#: are not among them.
_FOREIGN = re.compile(
    r"(?:[^\W\d_\x00-\u036f\u1d00-\u1eff\u2000-\u2bff\u2c60-\u2c7f\u2e00-\u319f\u31f0-\u9fff"
    r"\ua720-\ua7ff\uab30-\uab6f\uf900-\ufaff\ufb00-\ufb06\uff00-\uff9f\U00016fe0-\U0001b2ff"
    r"\U0001d400-\U0001d7ff\U00020000-\U0003ffff]"
    r"|[\u0590-\u08ff\u0900-\u109f\u1780-\u18af])+"
)
#: Characters of written Cantonese, which no Mandarin has.
_CANTONESE = re.compile(
    "[嘅喺冇咁佢哋啲嚟嗰咗嘢畀乜嘥瞓攞]|唔(?:好|該|该|係|系|可|會|会|使|幫|帮|知|得|到|識|识|講|讲|明)"
)
_GREEK = re.compile("[\u0370-\u03ff]")
HAN_KANA = re.compile("[\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")
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

nai tas wrth gwrs yn mae ni ac ar bod gyda hynny

nie się jest że jak dla ale czy mogę możesz proszę tutaj najpierw oraz aby przez se pro jsem
můžete nejprve nebo jako sa ako za kako ali može ovo nem hogy az egy van meg ezt vagy csak ja ei
että voi tämä olen mutta kun myös ensin ve bir bu için ile nasıl değil olarak önce sonra çok
daha ben sen olan gibi var yok

và của là không có được cho các với một những này bạn tôi trong để thì như cách hãy đầu tiên
yang dan ke dari untuk dengan ini itu tidak adalah saya anda bisa dapat cara akan pada juga
pertama kamu maaf boleh kepada ang ng mga ay ko mo hindi ito po paano kung ya wa kwa katika hii
kama lakini jinsi kwanza ili
"""
#: Says yes, no or sorry, all by itself.
_ANSWER_WORDS = """
ano bai bukan certe certo claro có desculpe désolé ei evet ez hapana hayir hayır hindi ie igen ita
ja jah jes jistě jo joo không kyllä lo maaf minime nage naturalmente natürlich ndiyo nee nei nein
nej nem nie niet non não oczywiście oo oui perdón samahani sane selvfølgelig siento sim självklart
sorri sí tabii tak tidak ya ydw áno üzgünüm
"""
_ANSWERS = frozenset(_ANSWER_WORDS.split())
#: English too, if rarely so.
_AMBIGUOUS = frozenset({"on", "die", "man", "im", "pro", "plus", "van", "ben", "sen", "mi"})
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHERS = frozenset(_OTHER_WORDS.split()) - _ENGLISH - _AMBIGUOUS

#: English small words that tell English from other languages.
_TELLING = _ENGLISH - SHARED
#: Share of different words that are such, from which a text is English without a further look.
_CLEAR = 0.15
#: Else, the share of its words that must look English if it has sentences.
_LOOKS = 0.25
#: So many words in a row, without a sign between them, are a sentence.
_SENTENCE = re.compile(r"(?:[a-z\u00df-\u024f\u1e00-\u1eff']+ ){3}[a-z\u00df-\u024f\u1e00-\u1eff]+")
#: Fewer may be a name.
_LEAST = 3


#: A short quotation; code in a fence, which may be cut, and what code has and prose has not.
_QUOTED = re.compile(r"\"[^\"]{1,80}\"|「[^」]{1,80}」")
_FENCED = re.compile(r"'{3}.*?(?:'{3}|\Z)", re.DOTALL)
_CODE = re.compile(r"[{}()\[\]=;<|$\\/]")
#: Signs between the parts of a list, and parts and words a part from which and to which it is one.
_BETWEEN = re.compile(r"[,;|/•:()=\d]+|\.(?!\Z)| - ")
_PARTS, _PART_WORDS = 4, 3
#: So many words of it go on one small word of another language, at least.
_LISTED = 3


def known_language(text: str) -> bool:
    """Whether levelled text is in a language of the judge, or in none that can be told."""
    if hides_words(text):
        return False
    prose = _FENCED.sub(lambda m: " " if _CODE.search(m[0]) else m[0], text)
    if _known_words(prose):
        return True
    unquoted = _QUOTED.sub("_", prose)  # others are quoted
    enough = len(_LATIN.findall(unquoted)) + len(HAN_KANA.findall(unquoted)) >= _LEAST
    return len(unquoted) < len(prose) and enough and _known_words(unquoted)


def _known_words(text: str) -> bool:
    if not text.isascii():
        known = _known_script(text)
        if known is not None:
            return known
    words = _LATIN.findall(text)
    if len(words) > 1 and text.endswith(words[-1]):
        words.pop()  # the window may have cut it
    # Each word once: a broken reply may say one over and over.
    different = set(words)
    telling = len(different & _TELLING)
    other = len(different & _OTHERS)
    if other and not text.isascii():
        other += min(2, sum(not word.isascii() for word in different - _OTHERS))
    if other >= 2 and other > len(different & _ENGLISH):
        return _LISTED * other <= len(different) and _is_list(text)
    if telling >= max(1, _CLEAR * len(different)) and len(words) > 3:
        return True
    return not (_says_elsewhere(words) or (_reads_foreign(text, words) and not _is_list(text)))


def _is_list(text: str) -> bool:
    """Whether text is names or titles, one beside the other, rather than sentences."""
    parts = [part.split() for part in _BETWEEN.split(text) if part.strip()]
    return len(parts) >= _PARTS and max(map(len, parts)) <= _PART_WORDS


def _known_script(text: str) -> bool | None:
    """Whether the letters that are not Latin are known ones; None where Latin ones decide."""
    latin = sum(map(len, _LATIN.findall(text)))
    han_kana = len(HAN_KANA.findall(text))
    # A Greek letter alone is a sign of a formula.
    runs = (run for run in _FOREIGN.findall(text) if not _GREEK.fullmatch(run))
    foreign = sum(map(len, runs))
    if foreign:
        known = latin + _WORTH * han_kana
        if foreign >= _SHARE * (foreign + known) and (foreign >= _LETTERS or not known):
            return False
    if han_kana and _CANTONESE.search(text):
        return False
    return True if not foreign and _WORTH * han_kana >= latin else None


def _says_elsewhere(words: list[str]) -> bool:
    return 0 < len(words) <= 3 and _ANSWERS.issuperset(words)


def _reads_foreign(text: str, words: list[str]) -> bool:
    """Whether there are sentences, and too few of their words, but for single letters, English."""
    long = [word for word in words if len(word) > 1]
    if len(long) < _LEAST:
        return False
    english = sum(word in _ENGLISH or looks_english(word) for word in long)
    if not english and any(not word.isascii() for word in long):
        return True
    return english < _LOOKS * len(long) and _SENTENCE.search(text) is not None
