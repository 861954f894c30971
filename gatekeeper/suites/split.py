"""Which prompts select experts, which measure them, and which are left out of a short run.

Everything hangs on hashes of the audit's seed and of what is split, never on the order of the file:
a line moved in a suite changes nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gatekeeper.analysis.clusters import prompt_clusters
from gatekeeper.records.evidence import PromptRef
from gatekeeper.records.suite import HARMFUL_SETS, Prompt

SELECTION, MEASUREMENT = "selection", "measurement"

#: Of the rule that divides seeds. Bundles record it, and are held against the rule of theirs.
VERSION = 2

#: What one imbalance in a set as a whole weighs beside one in a part of it.
_SET_WEIGHT = 4.0
#: How often each open seed is placed; in later rounds with all others where they are.
_PASSES = 3
#: Below this much, shares of whole seeds and costs differ by rounding.
_ALIKE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Cell:
    """The set, category and language of a prompt: those alike in all three are of one cell."""

    set: str
    category: str
    language: str


#: How many prompts of each cell a seed has.
Carried = Mapping[Cell, int]


def split_seeds(prompts: Sequence[Prompt], share: float, seed: int) -> Mapping[str, str]:
    """Assign every seed to `selection` or `measurement`; the prompts of a seed stay together.

    So do seeds that repeat a text of each other (`analysis.clusters`): below, they are one seed.

    Seeds whose prompts are of the same sets, categories and languages form a stratum. Of each
    stratum as many whole seeds as `share` asks for select, in hash order; if that leaves a part of
    a seed over, one seed is open. Each open seed goes to the side that keeps sets, categories and
    languages within sets, and their combinations, closest to `share`: minimisation as in Pocock &
    Simon (1975), Biometrics 31:103, with ties broken by the hash. So no category and no language
    lies mostly on one side.

    The hash is also of all that is split: with one prompt fewer, or with one under another
    category, every seed is drawn anew. Whoever leaves prompts out of a bundle cannot keep the rest.

    Args:
        prompts: of the whole suite, in any order.
        share: of the prompts that should select, in (0, 1).
        seed: of the audit.

    Raises:
        ValueError: share is not between 0 and 1.
    """
    cluster = prompt_clusters(prompts)
    sides = split_clusters([(cluster[p.id], cell_of(p)) for p in prompts], share, seed)
    return {prompt.seed_id: sides[cluster[prompt.id]] for prompt in prompts}


def split_clusters(
    prompts: Iterable[tuple[str, Cell]], share: float, seed: int, version: int = VERSION
) -> Mapping[str, str]:
    """The side of each cluster, see `split_seeds`.

    Args:
        prompts: cluster and cell of each.
        version: of the rule; 1 balanced sets and nothing within them.

    Raises:
        ValueError: share is not between 0 and 1, or there is no rule of this version.
    """
    if not 0 < share < 1:
        raise ValueError("share must lie between 0 and 1")
    if version not in _RULES:
        raise ValueError(f"no version {version} of the split")
    carried: dict[str, Counter[Cell]] = defaultdict(Counter)
    for name, cell in prompts:
        carried[name][cell] += 1
    return _RULES[version](carried, share, seed)


def _by_sets(carried: Mapping[str, Carried], share: float, seed: int) -> dict[str, str]:
    """Version 1: seeds with the same number of prompts in each set one after the other."""
    sets = {name: _sets(cells) for name, cells in carried.items()}
    order = sorted(sets, key=lambda name: (sets[name], seeded_hash(seed, name)))
    balance = _Balance(lambda name: [(1.0, group, n) for group, n in sets[name]])
    return {name: balance.place(name, share, seeded_hash(seed, "coin", name)) for name in order}


def _by_cells(carried: Mapping[str, Carried], share: float, seed: int) -> dict[str, str]:
    """Version 2: see `split_seeds`."""
    salt = _digest(carried)
    strata: dict[tuple[tuple[Cell, int], ...], list[str]] = defaultdict(list)
    for name, cells in carried.items():
        strata[tuple(sorted(cells.items()))].append(name)
    sides: dict[str, str] = {}
    opened: dict[str, float] = {}
    for names in strata.values():
        order = sorted(names, key=lambda name: seeded_hash(seed, salt, name))
        wanted = share * len(order)
        first, last = math.floor(wanted + _ALIKE), math.ceil(wanted - _ALIKE)
        sides |= dict.fromkeys(order[:first], SELECTION)
        sides |= dict.fromkeys(order[last:], MEASUREMENT)
        opened |= dict.fromkeys(order[first:last], wanted - first)
    balance = _Balance(lambda name: _groups(carried[name]))
    # Those of the same sets one after the other, so that what one adds the next takes away.
    turns = sorted(opened, key=lambda o: (_sets(carried[o]), seeded_hash(seed, salt, o)))
    for _ in range(_PASSES):
        for name in turns:
            coin = seeded_hash(seed, "coin", salt, name)
            sides[name] = balance.place(name, opened[name], coin)
    return sides


_RULES: Mapping[int, Callable[[Mapping[str, Carried], float, int], dict[str, str]]] = {
    1: _by_sets,
    2: _by_cells,
}


def _sets(cells: Carried) -> list[tuple[str, int]]:
    """Prompts of each set."""
    counts: Counter[str] = Counter()
    for cell, n in cells.items():
        counts[cell.set] += n
    return sorted(counts.items())


def _groups(cells: Carried) -> list[tuple[float, object, int]]:
    """Sets, categories and languages within them, and their combinations, as `_Balance` asks."""
    counts: Counter[tuple[str, str | None, str | None]] = Counter()
    for cell, n in cells.items():
        for category in (None, cell.category):
            for language in (None, cell.language):
                counts[cell.set, category, language] += n
    return [
        (_SET_WEIGHT if group[1:] == (None, None) else 1.0, group, n) for group, n in counts.items()
    ]


class _Balance:
    """Minimisation: how many prompts of each group select so far, less what was asked.

    Args:
        groups: weight, group and prompts in it, of each group that a seed has prompts in.
    """

    def __init__(self, groups: Callable[[str], Sequence[tuple[float, object, int]]]) -> None:
        self._groups = groups
        self._excess: dict[object, float] = defaultdict(float)
        self._given: dict[str, float] = {}

    def place(self, name: str, share: float, coin: bytes) -> str:
        """The side of a seed, of whose prompts `share` should select, that leaves least excess.

        A seed that was placed before is taken back first.
        """
        groups = self._groups(name)
        self._add(groups, -self._given.get(name, 0.0))
        # Squared excess if it selects, minus that if it measures.
        cost = sum(
            weight * n * (2 * (self._excess[group] - share * n) + n) for weight, group, n in groups
        )
        selects = coin[0] < 256 * share if abs(cost) < _ALIKE else cost < 0
        self._given[name] = (1 if selects else 0) - share
        self._add(groups, self._given[name])
        return SELECTION if selects else MEASUREMENT

    def _add(self, groups: Sequence[tuple[float, object, int]], each: float) -> None:
        for _, group, n in groups:
            self._excess[group] += each * n


def _digest(carried: Mapping[str, Carried]) -> str:
    """Hex digest of all seeds with the cells of their prompts, whatever their order."""
    lines = sorted(
        "\0".join((name, cell.set, cell.category, cell.language, str(n)))
        for name, cells in carried.items()
        for cell, n in cells.items()
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def cell_of(prompt: Prompt | PromptRef) -> Cell:
    """The cell of a prompt, of a suite or of evidence."""
    return Cell(set=prompt.set, category=prompt.category, language=prompt.language)


def limit(prompts: Sequence[Prompt], per_set: int | None, seed: int) -> tuple[Prompt, ...]:
    """At most `per_set` prompts of each set, in their given order; all of them for None.

    Taken are first prompts of many seeds rather than many of one, since only seeds are
    independent (and of those that repeat a text, not even they); and seeds with both a harmful
    request and its jailbreak before others, in one order, so that the pairs stay whole: a
    jailbreak is never taken without its request. That order takes categories and languages in
    proportion: it goes through each of them in equal steps from a start that the hash draws
    (systematic sampling).

    Raises:
        ValueError: per_set is not positive.
    """
    if per_set is None:
        return tuple(prompts)
    if per_set < 1:
        raise ValueError("per_set must be at least 1")
    cluster = prompt_clusters(prompts)
    cells: dict[str, set[Cell]] = defaultdict(set)
    variants: dict[tuple[str, str], list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        cells[cluster[prompt.id]].add(cell_of(prompt))
        variants[cluster[prompt.id], prompt.set].append(prompt)
    rank = {
        prompt.id: place
        for same in variants.values()
        for place, prompt in enumerate(sorted(same, key=lambda p: seeded_hash(seed, p.id)))
    }
    turn = _turns(cells, seed)

    def priority(prompt: Prompt) -> tuple[int, bool, int, float, bytes]:
        name = cluster[prompt.id]
        of_seed = {cell.set for cell in cells[name]}
        unpaired = not of_seed.issuperset(HARMFUL_SETS)
        return rank[prompt.id], unpaired, -len(of_seed), turn[name], seeded_hash(seed, name)

    taken: Counter[str] = Counter()
    chosen: set[str] = set()
    for prompt in sorted(prompts, key=priority):
        if taken[prompt.set] < per_set:
            taken[prompt.set] += 1
            chosen.add(prompt.id)
    return tuple(p for p in prompts if p.id in chosen)


def _turns(cells: Mapping[str, set[Cell]], seed: int) -> dict[str, float]:
    """Each seed's place in the order of drawing, 0 to 1: those of one kind in equal steps."""
    strata: dict[tuple[Cell, ...], list[str]] = defaultdict(list)
    for name, of_seed in cells.items():
        strata[tuple(sorted(of_seed))].append(name)
    turns: dict[str, float] = {}
    for key, names in strata.items():
        parts = [part for cell in key for part in (cell.set, cell.category, cell.language)]
        start = int.from_bytes(seeded_hash(seed, "start", *parts)[:4]) / 2**32
        order = sorted(names, key=lambda name: seeded_hash(seed, name))
        turns |= {name: (place + start) / len(order) for place, name in enumerate(order)}
    return turns


def seeded_hash(seed: int, *parts: str) -> bytes:
    """sha256 of seed and parts, joined by a character no id may hold."""
    return hashlib.sha256("\0".join((str(seed), *parts)).encode()).digest()
