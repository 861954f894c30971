"""Which prompts select experts, which measure them, and which are left out of a short run.

Everything hangs on a hash of (seed, id), never on the order of the file: adding a line at the top
of a suite must not reshuffle it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gatekeeper.analysis.clusters import prompt_clusters
from gatekeeper.records.suite import HARMFUL_SETS, SETS, Prompt

SELECTION, MEASUREMENT = "selection", "measurement"


def split_seeds(prompts: Sequence[Prompt], share: float, seed: int) -> Mapping[str, str]:
    """Assign every seed to `selection` or `measurement`; the prompts of a seed stay together.

    So do seeds that repeat a text of each other (`analysis.clusters`): below, they are one seed.

    Seeds are taken stratum by stratum (a stratum: the same number of prompts in each set), in hash
    order within it, and each goes to the side that keeps the prompts per set closest to `share`:
    minimisation as in Pocock & Simon (1975), with ties broken by the hash. So each set, and each
    combination of sets, is divided as evenly as whole seeds allow.

    Args:
        prompts: of the whole suite, in any order.
        share: of the prompts of each set that should select, in (0, 1).
        seed: of the audit.

    Raises:
        ValueError: share is not between 0 and 1.
    """
    cluster = prompt_clusters(prompts)
    sides = split_clusters([(cluster[p.id], p.set) for p in prompts], share, seed)
    return {prompt.seed_id: sides[cluster[prompt.id]] for prompt in prompts}


def split_clusters(
    prompts: Iterable[tuple[str, str]], share: float, seed: int
) -> Mapping[str, str]:
    """The side of each cluster, see `split_seeds`.

    Args:
        prompts: cluster and set of each.

    Raises:
        ValueError: share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError("share must lie between 0 and 1")
    carried: dict[str, Counter[str]] = defaultdict(Counter)
    for name, prompt_set in prompts:
        carried[name][prompt_set] += 1
    order = sorted(carried, key=lambda s: (sorted(carried[s].items()), seeded_hash(seed, s)))
    excess = dict.fromkeys(SETS, 0.0)  # prompts selected so far, minus what share asks for
    sides: dict[str, str] = {}
    for seed_id in order:
        counts = carried[seed_id]
        # Squared distance from the target if it selects, minus that if it measures.
        cost = sum(n * (2 * (excess[s] - share * n) + n) for s, n in counts.items())
        coin = seeded_hash(seed, "coin", seed_id)[0] < 256 * share
        selects = coin if abs(cost) < 1e-9 else cost < 0
        for name, n in counts.items():
            excess[name] += (n if selects else 0) - share * n
        sides[seed_id] = SELECTION if selects else MEASUREMENT
    return sides


def limit(prompts: Sequence[Prompt], per_set: int | None, seed: int) -> tuple[Prompt, ...]:
    """At most `per_set` prompts of each set, in their given order; all of them for None.

    Taken are first prompts of many seeds rather than many of one, since only seeds are
    independent (and of those that repeat a text, not even they); and seeds with both a harmful
    request and its jailbreak before others, in one hash order, so that the pairs stay whole: a
    jailbreak is never taken without its request.

    Raises:
        ValueError: per_set is not positive.
    """
    if per_set is None:
        return tuple(prompts)
    if per_set < 1:
        raise ValueError("per_set must be at least 1")
    cluster = prompt_clusters(prompts)
    sets: dict[str, set[str]] = defaultdict(set)
    variants: dict[tuple[str, str], list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        sets[cluster[prompt.id]].add(prompt.set)
        variants[cluster[prompt.id], prompt.set].append(prompt)
    rank = {
        prompt.id: place
        for same in variants.values()
        for place, prompt in enumerate(sorted(same, key=lambda p: seeded_hash(seed, p.id)))
    }

    def priority(prompt: Prompt) -> tuple[int, bool, int, bytes]:
        of_seed = sets[cluster[prompt.id]]
        unpaired = not of_seed.issuperset(HARMFUL_SETS)
        return rank[prompt.id], unpaired, -len(of_seed), seeded_hash(seed, cluster[prompt.id])

    taken: Counter[str] = Counter()
    chosen: set[str] = set()
    for prompt in sorted(prompts, key=priority):
        if taken[prompt.set] < per_set:
            taken[prompt.set] += 1
            chosen.add(prompt.id)
    return tuple(p for p in prompts if p.id in chosen)


def seeded_hash(seed: int, *parts: str) -> bytes:
    """sha256 of seed and parts, joined by a character no id may hold."""
    return hashlib.sha256("\0".join((str(seed), *parts)).encode()).digest()
