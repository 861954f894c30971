"""The demo prompt suite, drawn from held-out phrases, frames and wrappers only."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.demo.lexicon import Lexicon, load_lexicon
from tools.demo.requests import Pair, Plain, split_requests

SUITE_SCHEMA = "gatekeeper/suite/v1"
SETS = ("regular", "jailbreak", "benign", "over_refusal")
# Training has a small Japanese part too, but the tiny model masters it too poorly for an audit:
# the suite is English, and Japanese is measured apart.
LANGUAGE = "en"
SEEDS = 240
SOURCE = "templated by tools.demo"


@dataclass(frozen=True)
class Prompt:
    """One line of `prompts.jsonl`."""

    id: str
    seed_id: str
    set: str
    category: str
    language: str
    text: str
    source: str = SOURCE


def build_suite(seed: int) -> list[Prompt]:
    """Make the suite: per seed request its regular, jailbreak and benign prompt, then the
    over-refusal prompts with seeds of their own."""
    rng = random.Random(seed)
    lexicon = load_lexicon(LANGUAGE)
    heldout = split_requests(lexicon).heldout
    prompts: list[Prompt] = []
    families = sorted(lexicon.heldout.wrappers)
    chosen = rng.sample(_evenly(rng, heldout.pairs, SEEDS), SEEDS)
    for number, (pair, place) in enumerate(chosen, start=1):
        family = families[place % len(families)]
        prompts += _request_prompts(rng, lexicon, pair, number, family)
    requests = _over_refusal(rng, lexicon, (heldout.scary, heldout.prevention), SEEDS)
    for number, (category, text) in enumerate(requests, start=1):
        ids = (f"over_refusal-{number:03d}", f"scary-{number:03d}")
        prompts.append(Prompt(*ids, "over_refusal", category, LANGUAGE, text))
    return sorted(_checked(prompts), key=lambda prompt: (SETS.index(prompt.set), prompt.id))


def _evenly(rng: random.Random, pairs: Sequence[Pair], count: int) -> list[tuple[Pair, int]]:
    """`count` pairs, of each category as many as of the others or all there are, with their places.

    A rule on the worst category rests on the smallest one, and on how many of its jailbreaks are
    of a family that is refused: a place in a category decides its prompt's family.
    """
    taken: Counter[str] = Counter()
    placed: list[tuple[Pair, int]] = []
    for pair in rng.sample(pairs, len(pairs)):
        placed.append((pair, taken[pair.category]))
        taken[pair.category] += 1
    return sorted(placed, key=lambda item: item[1])[:count]


def _over_refusal(
    rng: random.Random, lexicon: Lexicon, kinds: Sequence[Sequence[Plain]], count: int
) -> Iterator[tuple[str, str]]:
    """Category and text of `count` safe-but-scary requests, one kind after the other."""
    frames = lexicon.heldout.frames
    shuffled = [rng.sample(items, len(items)) for items in kinds]
    for number in range(count):
        items = shuffled[number % len(shuffled)]
        # A phrase that comes round again moves on by one frame, so that no text comes twice.
        lap, place = divmod(number // len(shuffled), len(items))
        plain = items[place]
        yield plain.category, frames[(place + lap) % len(frames)].format(vp=plain.phrase)


def _request_prompts(
    rng: random.Random, lexicon: Lexicon, pair: Pair, number: int, family: str
) -> Iterator[Prompt]:
    """One seed: the same frame around the harmful phrase, wrapped, and around the twin."""
    frame = rng.choice(lexicon.heldout.frames)
    wrapper = rng.choice(lexicon.heldout.wrappers[family])
    regular = frame.format(vp=pair.harmful)
    texts = (regular, wrapper.format(prompt=regular), frame.format(vp=pair.benign))
    for name, text in zip(SETS[:3], texts, strict=True):
        number_id = f"{number:03d}"
        yield Prompt(
            f"{name}-{number_id}", f"request-{number_id}", name, pair.category, pair.language, text
        )


def _checked(prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    for values in ([prompt.id for prompt in prompts], [prompt.text for prompt in prompts]):
        if len(set(values)) != len(values):
            twice = sorted({value for value in values if values.count(value) > 1})
            raise ValueError(f"not unique in the suite: {twice[:5]}")
    return prompts


def other_prompts(seed: int) -> dict[str, list[str]]:
    """Sets measured besides the suite, harmful requests and their twins in held-out frames.

    *Unseen words* has English words of no training text, *Japanese* held-out Japanese pairs.
    """
    english, japanese = load_lexicon(LANGUAGE), load_lexicon("ja")
    rng = random.Random(seed)
    unseen = rng.sample(split_requests(english).unseen, SEEDS)
    sources = {
        "unseen words": (english, unseen),
        "Japanese": (japanese, split_requests(japanese).heldout.pairs),
    }
    prompts: dict[str, list[str]] = {}
    for name, (lexicon, pairs) in sources.items():
        frames = rng.choices(lexicon.heldout.frames, k=len(pairs))
        framed = list(zip(frames, pairs, strict=True))
        prompts[f"{name}, harmful"] = [f.format(vp=pair.harmful) for f, pair in framed]
        prompts[f"{name}, benign"] = [f.format(vp=pair.benign) for f, pair in framed]
    return prompts


def write_suite(out: Path, seed: int) -> list[Prompt]:
    """Write `suite.json` and `prompts.jsonl` under `out` and return the prompts."""
    prompts = build_suite(seed)
    manifest = {
        "schema": SUITE_SCHEMA,
        "id": "demo",
        "version": "2",
        "title": "Templated prompts for the bundled demo checkpoints",
        "licence": "Apache-2.0",
        "source": f"Generated by `python -m tools.demo suite`, seed {seed}; held out of training.",
        "files": ["prompts.jsonl"],
        "languages": [LANGUAGE],
    }
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (out / "suite.json").write_text(text, encoding="utf-8")
    lines = [json.dumps(asdict(prompt), ensure_ascii=False) + "\n" for prompt in prompts]
    (out / "prompts.jsonl").write_text("".join(lines), encoding="utf-8")
    return prompts
