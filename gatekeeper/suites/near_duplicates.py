"""Prompts of different seeds that are nearly the same text: one of them would select, one measure.

Resemblance as in Broder (1997), "On the resemblance and containment of documents": the Jaccard
index of the sets of character shingles of two texts. All pairs at or above a threshold are found
exactly, by a prefix filter (Chaudhuri, Ganti & Kaushik 2006): two sets that resemble each other
share some of their rarest members.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from gatekeeper.analysis.clusters import folded, prompt_clusters
from gatekeeper.records.suite import Prompt

#: Characters of a shingle. Three tell Japanese words apart as well as English ones.
_SHINGLE = 3
#: Jaccard index from which two texts are near: in a request of 60 characters, one word exchanged.
NEAR = 0.75
#: Rare shingles that two texts must share before they are compared in full; only speed hangs on it.
_SHARED = 4
#: Pairs after which to stop counting: a templated suite of n prompts may have n² of them.
MOST_PAIRS = 1000
#: Of a set: characters of texts that are compared, and comparisons of their parts. Seconds, and
#: enough for 2,500 requests of 200 characters; the audit of so many takes days.
MOST_CHARACTERS, MOST_WORK = 500_000, 10_000_000


@dataclass(frozen=True, slots=True)
class Near:
    """Near copies.

    Attributes:
        pairs: ids of at most `MOST_PAIRS` pairs, in the order of the later prompt.
        cut: set -> (texts looked at, texts there are), of sets too large to look at all.
    """

    pairs: tuple[tuple[str, str], ...]
    cut: Mapping[str, tuple[int, int]]


def near_pairs(prompts: Sequence[Prompt], cluster: Mapping[str, str] | None = None) -> Near:
    """Ids of pairs of one set and different seeds whose texts resemble each other by `NEAR`.

    Texts that are equal are no near pair (they count as one seed already). The set `jailbreak` is
    left out: its prompts share wrappers on purpose, and their requests stand in `regular`. Of a
    set that would take too long, the first texts are compared with each other.

    Args:
        cluster: of these prompts, if it is known already.
    """
    cluster = cluster or prompt_clusters(prompts)
    near: list[tuple[str, str]] = []
    cut: dict[str, tuple[int, int]] = {}
    for name in dict.fromkeys(p.set for p in prompts if p.set != "jailbreak"):
        members = [p for p in prompts if p.set == name]
        texts, read = _texts(members)
        of = list(texts.values())
        pairs, looked = _pairs([_shingles(text) for text in texts], MOST_PAIRS - len(near))
        complete = looked == len(of) and read == len(members)
        if not complete and len(near) + len(pairs) < MOST_PAIRS:
            cut[name] = (looked, len(members))
        ids = ((of[a].id, of[b].id) for a, b in pairs)
        near += [(a, b) for a, b in ids if cluster[a] != cluster[b]]
    return Near(pairs=tuple(near), cut=cut)


def _shingles(text: str) -> frozenset[str]:
    return frozenset(text[i : i + _SHINGLE] for i in range(max(1, len(text) - _SHINGLE + 1)))


def _texts(members: Sequence[Prompt]) -> tuple[dict[str, Prompt], int]:
    """Folded text -> the first prompt of it, up to `MOST_CHARACTERS`; and how many were read."""
    texts: dict[str, Prompt] = {}
    size = 0
    for number, prompt in enumerate(members):
        text = folded(prompt.text)
        size += len(text)
        if size > MOST_CHARACTERS:
            return texts, number
        texts.setdefault(text, prompt)
    return texts, len(members)


def _pairs(sets: Sequence[frozenset[str]], most: int) -> tuple[list[tuple[int, int]], int]:
    """Index pairs (earlier, later) of sets with a Jaccard index of at least `NEAR`.

    Sets x and y that near have at least o = ⌈NEAR·|x|⌉ members in common, so at most o − `_SHARED`
    of those lie outside the rarest |x| − o + `_SHARED` of x; likewise for y. The first `_SHARED` of
    the common ones, in order of rarity, are thus among the rarest of both.

    Returns:
        at most `most` pairs, and how many sets were compared with all before them.
    """
    frequency = Counter(chain.from_iterable(sets))
    rank = {s: n for n, s in enumerate(sorted(frequency, key=lambda s: (frequency[s], s)))}
    holders: dict[int, list[int]] = defaultdict(list)
    pairs: list[tuple[int, int]] = []
    work = MOST_WORK
    for later, members in enumerate(sets):
        common = math.ceil(NEAR * len(members))
        rarest = sorted(map(rank.__getitem__, members))[: len(members) - common + _SHARED]
        candidates = [holders[r] for r in rarest if r in holders]
        work -= sum(map(len, candidates))
        if work < 0:
            return pairs, later
        shared = Counter(chain.from_iterable(candidates))
        needed = min(_SHARED, common)
        for earlier in sorted(index for index, n in shared.items() if n >= needed):
            if len(pairs) >= most:
                return pairs, later
            work -= min(len(members), len(sets[earlier]))
            if _near(sets[earlier], members):
                pairs.append((earlier, later))
        for r in rarest:
            holders[r].append(later)
    return pairs, len(sets)


def _near(a: frozenset[str], b: frozenset[str]) -> bool:
    if min(len(a), len(b)) < NEAR * max(len(a), len(b)):
        return False
    common = len(a & b)
    return common >= NEAR * (len(a) + len(b) - common)
