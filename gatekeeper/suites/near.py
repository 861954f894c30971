"""Prompts of different seeds that are nearly the same text: one of them would select, one measure.

Resemblance as in Broder (1997), "On the resemblance and containment of documents": the Jaccard
index of the sets of character shingles of two texts. All pairs at or above a threshold are found
exactly, by a prefix filter (Chaudhuri, Ganti & Kaushik 2006): two sets that resemble each other
share some of their rarest members.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
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


def near_pairs(prompts: Sequence[Prompt]) -> tuple[tuple[str, str], ...]:
    """Ids of pairs of one set and different seeds whose texts resemble each other by `NEAR`.

    Texts that are equal are no near pair (they count as one seed already). The set `jailbreak` is
    left out: its prompts share wrappers on purpose, and their requests stand in `regular`.

    Returns:
        at most `MOST_PAIRS` pairs, in the order of the later prompt.
    """
    cluster = prompt_clusters(prompts)
    found: list[tuple[str, str]] = []
    for name in dict.fromkeys(p.set for p in prompts if p.set != "jailbreak"):
        # One prompt of each text: copies would repeat each pair.
        texts = {folded(p.text): p for p in reversed(prompts) if p.set == name}
        members = list(reversed(texts.items()))
        pairs = _pairs([_shingles(text) for text, _ in members], MOST_PAIRS - len(found))
        ids = ((members[a][1].id, members[b][1].id) for a, b in pairs)
        found += [(a, b) for a, b in ids if cluster[a] != cluster[b]]
    return tuple(found)


def _shingles(text: str) -> frozenset[str]:
    return frozenset(text[i : i + _SHINGLE] for i in range(max(1, len(text) - _SHINGLE + 1)))


def _pairs(sets: Sequence[frozenset[str]], most: int) -> list[tuple[int, int]]:
    """Index pairs (earlier, later) of sets with a Jaccard index of at least `NEAR`.

    Sets x and y that near have at least o = ⌈NEAR·|x|⌉ members in common, so at most o − `_SHARED`
    of those lie outside the rarest |x| − o + `_SHARED` of x; likewise for y. The first `_SHARED` of
    the common ones, in order of rarity, are thus among the rarest of both.
    """
    frequency = Counter(shingle for members in sets for shingle in members)
    rank = {s: n for n, s in enumerate(sorted(frequency, key=lambda s: (frequency[s], s)))}
    holders: dict[int, list[int]] = defaultdict(list)
    found: list[tuple[int, int]] = []
    for later, members in enumerate(sets):
        common = math.ceil(NEAR * len(members))
        rarest = sorted(rank[s] for s in members)[: len(members) - common + _SHARED]
        shared = Counter(chain.from_iterable(holders[r] for r in rarest if r in holders))
        needed = min(_SHARED, common)
        for earlier in sorted(index for index, n in shared.items() if n >= needed):
            if len(found) >= most:
                return found
            if _near(sets[earlier], members):
                found.append((earlier, later))
        for r in rarest:
            holders[r].append(later)
    return found


def _near(a: frozenset[str], b: frozenset[str]) -> bool:
    if min(len(a), len(b)) < NEAR * max(len(a), len(b)):
        return False
    common = len(a & b)
    return common >= NEAR * (len(a) + len(b) - common)
