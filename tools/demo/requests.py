"""Verb phrases of the demo, split into training, held-out and never-seen words.

A phrase is a verb and an object. Training sees three of four combinations; the held-out quarter
joins words that are all known in pairs that are not. The `unseen` part has words that occur in no
training text at all, and is measured apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.demo.lexicon import HarmGroup, Lexicon


@dataclass(frozen=True)
class Pair:
    """A harmful verb phrase and its benign twin."""

    category: str
    language: str
    harmful: str
    benign: str


@dataclass(frozen=True)
class Plain:
    """A harmless verb phrase without a twin."""

    category: str
    language: str
    phrase: str


@dataclass(frozen=True)
class Split:
    """The verb phrases of one language in one split."""

    pairs: Sequence[Pair]
    scary: Sequence[Plain]
    prevention: Sequence[Plain]
    ordinary: Sequence[Plain]

    def phrases(self) -> set[str]:
        """Every verb phrase of the split."""
        paired = {phrase for pair in self.pairs for phrase in (pair.harmful, pair.benign)}
        plain = (*self.scary, *self.prevention, *self.ordinary)
        return paired | {item.phrase for item in plain}


@dataclass(frozen=True)
class Requests:
    """All verb phrases of one language."""

    train: Split
    heldout: Split
    unseen: Sequence[Pair]


def _is_heldout(first: int, second: int) -> bool:
    # A Latin-square rule holds out a quarter and still shows every word in training,
    # which a random quarter would not promise for words with few partners.
    return (3 * first + second) % 4 == 0


def _pair(lexicon: Lexicon, group: HarmGroup, shared: str, parts: tuple[str, str]) -> Pair:
    if group.varying == "object":
        phrases = [lexicon.phrase(shared, part) for part in parts]
    else:
        phrases = [lexicon.phrase(part, shared) for part in parts]
    return Pair(group.category, lexicon.language, phrases[0], phrases[1])


def _pairs(lexicon: Lexicon) -> Iterator[tuple[bool, Pair]]:
    for group in lexicon.harm:
        for first, shared in enumerate(group.shared):
            parts = zip(group.dangerous, group.harmless, strict=True)
            for second, part in enumerate(parts):
                yield _is_heldout(first, second), _pair(lexicon, group, shared, part)


def _unseen_pairs(lexicon: Lexicon) -> list[Pair]:
    return [
        _pair(lexicon, group, shared, part)
        for group in lexicon.harm
        for shared in group.shared
        for part in zip(group.unseen_dangerous, group.unseen_harmless, strict=True)
    ]


def _joined(
    lexicon: Lexicon, category: str, verbs: Sequence[str], objects: Sequence[str]
) -> Iterator[tuple[bool, Plain]]:
    for first, verb in enumerate(verbs):
        for second, obj in enumerate(objects):
            phrase = lexicon.phrase(verb, obj)
            yield _is_heldout(first, second), Plain(category, lexicon.language, phrase)


def _prevention(lexicon: Lexicon) -> list[tuple[bool, Plain]]:
    # A harmful object under a protective verb is a safe request: the object alone decides nothing.
    dangerous = [g.dangerous for g in lexicon.harm if g.varying == "object"]
    verbs = lexicon.prevention_verbs
    return [
        item for objects in dangerous for item in _joined(lexicon, "prevention", verbs, objects)
    ]


def split_requests(lexicon: Lexicon) -> Requests:
    """Split one language's phrases; a phrase held out in one group is in no training group."""
    pairs = list(_pairs(lexicon))
    scary = [i for g in lexicon.scary for i in _joined(lexicon, g.category, g.verbs, g.objects)]
    prevention = _prevention(lexicon)
    ordinary = [
        i for g in lexicon.ordinary for i in _joined(lexicon, g.category, g.verbs, g.objects)
    ]
    heldout = Split(
        pairs=[pair for held, pair in pairs if held],
        scary=_kept(scary),
        prevention=_kept(prevention),
        ordinary=_kept(ordinary),
    )
    taken = heldout.phrases()
    train = Split(
        pairs=[p for held, p in pairs if not held and not {p.harmful, p.benign} & taken],
        scary=_rest(scary, taken),
        prevention=_rest(prevention, taken),
        ordinary=_rest(ordinary, taken),
    )
    return Requests(train, heldout, _unseen_pairs(lexicon))


def _kept(items: Sequence[tuple[bool, Plain]]) -> list[Plain]:
    return [item for held, item in items if held]


def _rest(items: Sequence[tuple[bool, Plain]], taken: set[str]) -> list[Plain]:
    return [item for held, item in items if not held and item.phrase not in taken]
