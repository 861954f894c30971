"""The lexicon of the demo's templated chat, read from `lexicon/*.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "ja")
_FOLDER = Path(__file__).parent / "lexicon"


@dataclass(frozen=True)
class HarmGroup:
    """Harmful verb phrases of one category, each with a harmless twin.

    `varying` says which part of the phrase carries the harm ("object" or "verb"); the other part,
    `shared`, stands in the harmful phrase and in its twin alike.
    """

    category: str
    varying: str
    shared: Sequence[str]
    dangerous: Sequence[str]
    harmless: Sequence[str]
    unseen_dangerous: Sequence[str]
    unseen_harmless: Sequence[str]


@dataclass(frozen=True)
class PlainGroup:
    """Verbs and objects any of which may be joined: ordinary or safe-but-scary requests."""

    category: str
    verbs: Sequence[str]
    objects: Sequence[str]


@dataclass(frozen=True)
class Texts:
    """Frames around a verb phrase, and jailbreak wrappers around a request, by family."""

    frames: Sequence[str]
    wrappers: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Lexicon:
    """Everything the generator knows about one language."""

    language: str
    verb_phrase: str
    train: Texts
    heldout: Texts
    complied_wrappers: frozenset[str]
    refusals: Sequence[str]
    answers: Sequence[str]
    compliance: str
    harm: Sequence[HarmGroup]
    prevention_verbs: Sequence[str]
    scary: Sequence[PlainGroup]
    ordinary: Sequence[PlainGroup]

    def phrase(self, verb: str, obj: str) -> str:
        """Join a verb and its object in this language's word order."""
        return self.verb_phrase.format(verb=verb, object=obj)


def load_lexicon(language: str) -> Lexicon:
    """Read one language's lexicon; a missing key is a KeyError naming it."""
    data = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return Lexicon(
        language=data["language"],
        verb_phrase=data["verb_phrase"],
        train=_texts(data, "train"),
        heldout=_texts(data, "heldout"),
        complied_wrappers=frozenset(data["wrappers"]["complied"]),
        refusals=data["replies"]["refusals"],
        answers=data["replies"]["answers"],
        compliance=data["replies"]["compliance"],
        harm=[_harm_group(group) for group in data["harm"]],
        prevention_verbs=data["prevention"]["verbs"],
        scary=[PlainGroup(**group) for group in data["scary"]],
        ordinary=[PlainGroup(**group) for group in data["ordinary"]],
    )


def load_lexicons() -> dict[str, Lexicon]:
    """Read every language of the demo."""
    return {language: load_lexicon(language) for language in LANGUAGES}


def _texts(data: Mapping[str, Any], split: str) -> Texts:
    return Texts(frames=data["frames"][split], wrappers=data["wrappers"][split])


def _harm_group(data: Mapping[str, Any]) -> HarmGroup:
    group = HarmGroup(**data)
    if len(group.dangerous) != len(group.harmless):
        raise ValueError(f"{group.category}: every dangerous part needs one harmless twin")
    if len(group.unseen_dangerous) != len(group.unseen_harmless):
        raise ValueError(f"{group.category}: every unseen dangerous part needs one twin")
    return group
