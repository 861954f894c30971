"""Which replies a second judge is asked about: a stratified sample that follows from the evidence.

Nothing about it is stored but its size: whoever reads a bundle draws it again, so that nobody can
leave out the replies that the judges disagree on.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.environments import environment_masks, unmasked_within
from gatekeeper.analysis.folds import views
from gatekeeper.analysis.outcomes import OutcomeTable, outcome_table
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import UNMASKED
from gatekeeper.records.trials import cells

#: Arms that rules ask about: drawn from so many times as densely as the others.
_ASKED = ("unmasked", "selected", "control")
_DENSER = 4
_ORDER = (*_ASKED, "dose", "beside", "environment", "again", "positive")

#: Arm, what tells its masks apart, prompt set, outcome by the first judge.
_Stratum = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True, eq=False)
class SecondSample:
    """A sample of the rows of an outcome table.

    Attributes:
        table: of the first judge.
        stratum: [M, P], index into `sizes`, -1 where there is no trial.
        taken: bool [M, P], drawn; each row of a stratum with probability drawn/size.
        base: [M], the row that each is held against: the model without a mask, or for masks of a
            variant that model within it.
        sizes, drawn: [H], rows of each stratum, and how many of them were drawn.
    """

    table: OutcomeTable
    stratum: npt.NDArray[np.int32]
    taken: npt.NDArray[np.bool_]
    base: npt.NDArray[np.intp]
    sizes: npt.NDArray[np.int64]
    drawn: npt.NDArray[np.int64]

    def asked(self) -> npt.NDArray[np.bool_]:
        """Rows that the second judge is asked about, bool [M, P]: drawn, or held against one."""
        rows = self.taken.copy()
        np.logical_or.at(rows, self.base, self.taken)
        return rows & (self.stratum >= 0)


@lru_cache(maxsize=8)
def second_sample(evidence: Evidence, size: int) -> SecondSample:
    """Draws `size` rows, or all if there are fewer.

    Strata: the mask (random masks: all beside one selected mask together), the prompt set and the
    first judge's outcome. Every stratum gets one row before any gets two, and so on, those that
    rules ask about four for each of the others'; what is small is thus taken whole. Within a
    stratum it is a simple random sample: the rows with the smallest random numbers, which follow
    from the seed and the prompt, so that all masks are judged on the same prompts as far as
    possible (permanent random numbers: Ohlsson 1995, in Business Survey Methods, ch. 9).
    """
    table = outcome_table(evidence)
    rows = _strata(evidence, table)
    keys = sorted(rows, key=lambda key: (_ORDER.index(key[0]), key[1:]))
    sizes = [len(rows[key]) for key in keys]
    drawn = allocate(sizes, [_DENSER if key[0] in _ASKED else 1 for key in keys], size)
    stratum = np.full(table.outcomes.shape, -1, np.int32)
    taken = np.zeros(table.outcomes.shape, np.bool_)
    for index, (key, count) in enumerate(zip(keys, drawn, strict=True)):
        stratum[tuple(np.array(rows[key]).T)] = index
        order = _random_numbers(evidence.settings.seed, key[0], table)
        for m, p in heapq.nsmallest(count, rows[key], key=order):
            taken[m, p] = True
    return SecondSample(
        table=table,
        stratum=stratum,
        taken=taken,
        base=_bases(evidence, table),
        sizes=np.array(sizes, np.int64),
        drawn=np.array(drawn, np.int64),
    )


def _bases(evidence: Evidence, table: OutcomeTable) -> npt.NDArray[np.intp]:
    """Row of what each mask is held against; its own where there is nothing."""
    settings = evidence.settings
    within = {
        label: unmasked_within(env).name
        for view in views(evidence)
        for env, *pair in environment_masks(
            view.environments, mode=settings.mode, phase=settings.phase
        )
        for label in (unmasked_within(env).name, *(mask.name for mask in pair))
    }
    return np.array(
        [table.masks.get(within.get(label, UNMASKED.name), m) for label, m in table.masks.items()],
        np.intp,
    )


def _strata(evidence: Evidence, table: OutcomeTable) -> Mapping[_Stratum, list[tuple[int, int]]]:
    """(row, column) of every trial, by stratum."""
    masks = {mask.label: mask for mask in evidence.masks}
    rows: dict[_Stratum, list[tuple[int, int]]] = {}
    for label, m in table.masks.items():
        mask = masks[label]
        name = f"{mask.selector} {mask.k}" if mask.arm == "control" else label
        for p in np.flatnonzero(table.outcomes[m] >= 0).tolist():
            key = mask.arm, name, str(table.sets[p]), int(table.outcomes[m, p])
            rows.setdefault(key, []).append((m, p))
    return rows


def allocate(sizes: Sequence[int], weights: Sequence[int], total: int) -> list[int]:
    """Rows to draw of each stratum: the next goes to whoever has the fewest for its weight."""
    drawn = [0] * len(sizes)
    queue = [(0.0, index) for index, size in enumerate(sizes) if size]
    heapq.heapify(queue)
    for _ in range(min(total, sum(sizes))):
        _, index = heapq.heappop(queue)
        drawn[index] += 1
        if drawn[index] < sizes[index]:
            heapq.heappush(queue, (drawn[index] / weights[index], index))
    return drawn


class _random_numbers:  # noqa: N801 - used like a function: a sort key
    """A row's permanent random number. Random masks are a stratum together: there, of each row."""

    def __init__(self, seed: int, arm: str, table: OutcomeTable) -> None:
        self._seed, self._table = seed, table
        self._masks = list(table.masks) if arm == "control" else None

    def __call__(self, row: tuple[int, int]) -> str:
        mask = "" if self._masks is None else self._masks[row[0]]
        text = f"{self._seed}\0{mask}\0{self._table.prompts[row[1]]}"
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def second_rows(evidence: Evidence) -> frozenset[tuple[str, str]]:
    """(mask, prompt id) of the trials that the second judge is asked about; none without one."""
    second = evidence.settings.second
    if second is None:
        return frozenset()
    sample = second_sample(evidence, second.sample)
    asked, table = sample.asked(), sample.table
    column = {prompt: i for i, prompt in enumerate(table.prompts)}
    row = {m.name: table.masks[m.label] for m in evidence.masks if m.label in table.masks}
    return frozenset(
        (mask, prompt)
        for mask, prompt, _ in cells(evidence.trials)
        if mask in row and prompt in column and asked[row[mask], column[prompt]]
    )
