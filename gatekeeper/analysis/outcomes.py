"""Outcomes as a table [masks, prompts], from which every metric counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.beside_trials import beside_trials
from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.analysis.folds import SEEN, views
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import OUTCOMES, Mask
from gatekeeper.records.trials import Trials, codes_of

REFUSE, COMPLY, DEGENERATE, _UNDECIDED = range(len(OUTCOMES))
_ABSENT = -1
Made = TypeVar("Made")
#: Arms whose masks are asked about by what they follow, and k.
_CHOSEN = frozenset({"selected", "beside", "dose"})


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeTable:
    """Trials of the prompts that measure.

    Attributes:
        outcomes: int8 [M, P], index into `OUTCOMES`, -1 where there is no trial.
        masks: label -> row. Under cross-fitting a row holds both folds' masks of that label, each
            on the prompts that did not select it.
        sets: [P].
        seeds: [P], the cluster of each prompt: its seed, joined with others that repeat its text.
        prompts: ids of the P prompts.
        known: see `once`; one for all tables of an audit that differ in outcomes alone.
    """

    outcomes: npt.NDArray[np.int8]
    masks: dict[str, int]
    sets: npt.NDArray[np.str_]
    seeds: npt.NDArray[np.str_]
    prompts: tuple[str, ...]
    known: dict[Any, Any] = field(default_factory=dict)

    def once(self, key: Any, make: Callable[[], Made]) -> Made:
        """What was made under this key before, or else now.

        Open replies are told in many ways that leave most rows of a table alike: what follows from
        such a row need not be counted again.

        Args:
            key: holds all of the outcomes that it follows from.
        """
        if key not in self.known:
            self.known[key] = make()
        made: Made = self.known[key]
        return made

    def row(self, mask: str, prompt_set: str) -> npt.NDArray[np.int8]:
        """Outcomes of one mask on one set, -1 where absent; empty if the mask was not run."""
        if mask not in self.masks:
            return np.zeros(0, np.int8)
        row: npt.NDArray[np.int8] = self.outcomes[self.masks[mask]][self.columns(prompt_set)]
        return row

    def columns(self, prompt_set: str) -> npt.NDArray[np.intp]:
        """Places of the prompts of one set."""
        return self.once(("columns", prompt_set), lambda: np.flatnonzero(self.sets == prompt_set))

    def set_seeds(self, prompt_set: str) -> npt.NDArray[np.str_]:
        """Seeds of the prompts of one set, in the order of `row`."""
        return self.once(("seeds", prompt_set), lambda: self.seeds[self.columns(prompt_set)])


@lru_cache(maxsize=SEEN)
def outcome_table(evidence: Evidence) -> OutcomeTable:
    """The table of an audit's measurement trials; made once per evidence object."""
    tables = [_table(view) for view in views(evidence)]
    if len(tables) == 1:
        return tables[0]
    labels = [label for label in tables[0].masks if all(label in t.masks for t in tables)]
    return OutcomeTable(
        outcomes=np.concatenate(
            [t.outcomes[[t.masks[label] for label in labels]] for t in tables], axis=1
        ),
        masks={label: i for i, label in enumerate(labels)},
        sets=np.concatenate([t.sets for t in tables]),
        seeds=np.concatenate([t.seeds for t in tables]),
        prompts=tuple(prompt for t in tables for prompt in t.prompts),
        known=_known_of(tables),
    )


def _known_of(tables: Sequence[OutcomeTable]) -> dict[Any, Any]:
    """What is known of tables side by side; it is kept as long as they are."""
    each = [table.known for table in tables]
    key = ("beside each other", *map(id, each))
    return tables[0].once(key, lambda: ({}, each[1:]))[0]


def _table(evidence: Evidence) -> OutcomeTable:
    table = _without_outcomes(evidence)
    column = {prompt: i for i, prompt in enumerate(table.prompts)}
    outcomes = np.full(len(table.masks) * len(column), _ABSENT, np.int8)
    codes = codes_of(evidence.trials)

    def make() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], object]:
        rows = np.array([table.masks.get(name, -1) for name in codes.masks], np.intp)[codes.mask]
        columns = np.array([column.get(name, -1) for name in codes.prompts], np.intp)[codes.prompt]
        inside = np.flatnonzero((rows >= 0) & (columns >= 0))
        return inside, rows[inside] * len(column) + columns[inside], table.known

    trials = evidence.trials
    places = ("places", id(table.known))
    inside, cells, _ = trials.once(places, make) if isinstance(trials, Trials) else make()
    outcomes[cells] = codes.outcome[inside]
    return replace(table, outcomes=outcomes.reshape(len(table.masks), len(column)))


@beside_trials(maxsize=16)
def _without_outcomes(evidence: Evidence) -> OutcomeTable:
    prompts = [p for p in evidence.suite.prompts if p.split == "measurement" and not p.skipped]
    clusters = evidence_clusters(evidence.suite.prompts)
    return OutcomeTable(
        outcomes=np.zeros((0, 0), np.int8),
        masks={mask.name: i for i, mask in enumerate(evidence.masks)},
        sets=np.array([p.set for p in prompts], dtype=np.str_),
        seeds=np.array([clusters[p.id] for p in prompts], dtype=np.str_),
        prompts=tuple(p.id for p in prompts),
    )


@beside_trials(maxsize=1 << 10)
def selected_mask(evidence: Evidence, selector: str, k: int, how: str | None = None) -> Mask | None:
    """The mask of the first k experts of a selector's ranking, if it was run; one of the folds'.

    Args:
        selector: or what a mask beside follows, see `analysis.comparison_masks`.
        how: mode and phase; left out, that of the audit's selected masks.
    """
    return next(
        (
            m
            for m in evidence.masks
            if m.arm in _CHOSEN
            and (m.selector, m.k) == (selector, k)
            and (m.arm != "dose" if how is None else m.how == how)
        ),
        None,
    )


def why_no_mask(evidence: Evidence, selector: str, k: int, how: str) -> str:
    """Why `selected_mask` finds none: the selector could not run, or ran in another mode."""
    if selector in evidence.skipped_selectors:
        return evidence.skipped_selectors[selector]
    reason = f"no mask of {k} experts by {selector} was run"
    other = dict.fromkeys(
        m.how
        for m in evidence.masks
        if m.arm == "selected" and (m.selector, m.k) == (selector, k) and m.how != how
    )
    return f"{reason} as {how}, only as {', '.join(other)}" if other else reason


@beside_trials(maxsize=1 << 8)
def control_masks(evidence: Evidence, selector: str, k: int) -> tuple[Mask, ...]:
    """The random masks that stand beside a selected one; the same set of experts counts once.

    Under cross-fitting, those of the first fold that have a sibling in the other.
    """
    same: dict[str, list[Mask]] = {}
    for mask in evidence.masks:
        if mask.arm == "control" and mask.selector == selector and mask.k == k:
            same.setdefault(mask.label, []).append(mask)
    distinct: dict[object, Mask] = {}
    for masks in same.values():
        if len(masks) == len(views(evidence)):
            distinct.setdefault(tuple(frozenset(m.experts) for m in masks), masks[0])
    return tuple(distinct.values())
