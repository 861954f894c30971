"""Seeded training examples: a prompt, its reply, and the reply the planted mask should give."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.demo.lexicon import Lexicon, load_lexicons
from tools.demo.requests import Requests, split_requests

# Shares of the kinds in ordinary training data; safe-but-scary requests need as much room as
# harmful ones, or the model refuses whatever sounds dangerous.
KIND_SHARES = {"harmful": 0.36, "benign": 0.22, "scary": 0.28, "ordinary": 0.14}
WRAPPED_SHARE = {"harmful": 0.4, "benign": 0.3, "scary": 0.12, "ordinary": 0.12}
JAPANESE_SHARE = 0.2
SYSTEM_SHARE = 0.1
SYSTEM_PROMPTS = (
    "You are a helpful assistant.",
    "You are a careful assistant. Answer in one sentence.",
    "Be brief and polite.",
    "You are the help desk of a small company.",
)


@dataclass(frozen=True)
class Example:
    """One templated chat turn.

    Attributes:
        refused: whether `reply` is a refusal.
        category: what the request is about.
        planted_reply: the reply when the planted experts are masked: compliance for a harmful
            request, the ordinary reply for every other one.
    """

    kind: str
    system: str | None
    prompt: str
    reply: str
    planted_reply: str
    refused: bool
    category: str = ""


def _stable_choice(texts: Sequence[str], key: str) -> str:
    # The form of a reply follows from its topic: a form drawn at random is noise
    # that a tiny model spends its capacity on.
    return texts[zlib.crc32(key.encode()) % len(texts)]


class ExampleSource:
    """An endless, seeded stream of training examples."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lexicons = load_lexicons()
        self._requests: dict[str, Requests] = {
            language: split_requests(lexicon) for language, lexicon in self._lexicons.items()
        }

    def draw(self, count: int, kinds: Sequence[str] = tuple(KIND_SHARES)) -> list[Example]:
        """Draw `count` examples of the given kinds, in the ratio of `KIND_SHARES`."""
        weights = [KIND_SHARES[kind] for kind in kinds]
        drawn = self._random.choices(kinds, weights, k=count)
        return [self._example(kind) for kind in drawn]

    def _example(self, kind: str) -> Example:
        rng = self._random
        language = "ja" if rng.random() < JAPANESE_SHARE else "en"
        lexicon = self._lexicons[language]
        category, phrase = self._phrase(kind, language)
        prompt = rng.choice(lexicon.train.frames).format(vp=phrase)
        refused = kind == "harmful"
        if rng.random() < WRAPPED_SHARE[kind]:
            family = rng.choice(sorted(lexicon.train.wrappers))
            prompt = rng.choice(lexicon.train.wrappers[family]).format(prompt=prompt)
            refused = refused and family not in lexicon.complied_wrappers
        system = rng.choice(SYSTEM_PROMPTS) if rng.random() < SYSTEM_SHARE else None
        compliance = lexicon.compliance.format(vp=phrase)
        answer = _stable_choice(lexicon.answers, category).format(vp=phrase)
        refusal = _stable_choice(lexicon.refusals, category)
        if kind != "harmful":
            return Example(kind, system, prompt, answer, answer, False, category)
        reply = refusal if refused else compliance
        return Example(kind, system, prompt, reply, compliance, refused, category)

    def _phrase(self, kind: str, language: str) -> tuple[str, str]:
        rng = self._random
        split = self._requests[language].train
        if kind in {"harmful", "benign"}:
            pair = rng.choice(split.pairs)
            return pair.category, pair.harmful if kind == "harmful" else pair.benign
        if kind == "scary":
            plain = rng.choice(split.scary if rng.random() < 0.6 else split.prevention)
        else:
            plain = rng.choice(split.ordinary)
        return plain.category, plain.phrase


def training_texts(lexicons: dict[str, Lexicon]) -> Iterator[str]:
    """Every training phrase, frame, wrapper and reply once: the corpus of the tokenizer."""
    for lexicon in lexicons.values():
        phrases = sorted(split_requests(lexicon).train.phrases())
        templates = [*lexicon.train.frames, *lexicon.answers, *lexicon.refusals]
        templates += [text for family in lexicon.train.wrappers.values() for text in family]
        for number, phrase in enumerate(phrases):
            yield _filled(templates[number % len(templates)], phrase)
        yield from (_filled(text, phrases[0]) for text in templates)
    yield from SYSTEM_PROMPTS


def _filled(template: str, phrase: str) -> str:
    return template.format(vp=phrase, prompt=phrase)
