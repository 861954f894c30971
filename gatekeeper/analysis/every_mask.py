"""Every mask of experts that an audit ran, whatever it was run for, and the one that costs most.

An audit runs hundreds of masks, most of them only to compare with. Whoever gets at a model is not
bound to those that a selector ranked first, so what any of them loses counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.environments import environment_masks, measured_rows, unmasked_within
from gatekeeper.analysis.folds import SEEN, views
from gatekeeper.analysis.order import stop_under
from gatekeeper.analysis.outcomes import COMPLY, REFUSE, outcome_table
from gatekeeper.analysis.paired import pairs
from gatekeeper.records.environment import DIMENSIONS
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.sequential_run import SequentialRun
from gatekeeper.records.trial import MODE, UNMASKED, Mask

#: Arms whose masks take experts out. Weakened ones and what is no mask of experts are not among
#: them; those of environments have prompts of their own.
_ARMS = frozenset({"selected", "control", "beside"})


#: (prompts, lost, won, how many such seeds) of each kind of seed.
Pattern = tuple[tuple[int, int, int, int], ...]
#: Without and under a mask, both [n].
Outcomes = tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One mask on its prompts.

    Attributes:
        label: of the mask, as in the outcome table of the evidence.
        prompts: [n], their ids.
        lost, won: refusals that became compliance, and the other way.
        pattern: of each kind of seed, its prompts, those lost, those won, and how many such seeds
            there are: all that an interval depends on.
        stop: how far it was run, if it might have stopped early.
        kind: `whole` of a mask on all prompts it is measured on; `fold` of one fold's mask on that
            fold's; `part` of a mask that was to be run on a part of the set only.
    """

    label: str
    prompts: tuple[str, ...]
    lost: int
    won: int
    pattern: Pattern
    stop: SequentialRun | None
    kind: str

    @property
    def clusters(self) -> int:
        """Independent seeds."""
        return sum(often for *_, often in self.pattern)


@lru_cache(maxsize=SEEN // 2)
def every_run(evidence: Evidence, prompt_set: str, k: int) -> tuple[Run, ...] | str:
    """Every mask of at most k experts that was run in reroute on a set, or why that is not known.

    Selected masks, random ones (on regular prompts), those beside, and those of environments. Under
    cross-fitting the masks of a label on all prompts, and each fold's alone on its own. Masks of an
    environment that is a part of the suite are held against the unmasked model on that part; those
    under another system prompt or in another format against the unmasked model there.
    """
    sizes = {m.k for m in evidence.masks if m.arm == "selected" and m.how == MODE}
    if k not in sizes:
        return f"no selected mask of {k} experts was run as {MODE}"
    runs: list[Run] = []
    for size, run in _all(evidence, prompt_set):
        if size > k:
            continue
        if isinstance(run, str):
            return run
        runs.append(run)
    return tuple(runs)


@lru_cache(maxsize=SEEN // 2)
def _all(evidence: Evidence, prompt_set: str) -> tuple[tuple[int, Run | str], ...]:
    """The runs of all masks on a set, of every size, each with the size of its mask."""
    folds = views(evidence)
    runs = [*_plain(evidence, prompt_set, "whole")]
    for view in folds:
        if len(folds) > 1:
            runs += _plain(view, prompt_set, "fold")
        if prompt_set == "regular":
            runs += _of_environments(view, "fold" if len(folds) > 1 else "whole")
    return tuple(runs)


def _counts(mask: Mask) -> bool:
    return mask.how == MODE and mask.k > 0


def _plain(evidence: Evidence, prompt_set: str, kind: str) -> Iterator[tuple[int, Run | str]]:
    table = outcome_table(evidence)
    prompts = tuple(table.prompts[i] for i in np.flatnonzero(table.sets == prompt_set).tolist())
    codes = np.unique(table.set_seeds(prompt_set), return_inverse=True)[1]
    masks = {m.label: m for m in evidence.masks if m.arm in _ARMS and _counts(m)}
    plain = table.row(UNMASKED.name, prompt_set).tobytes()
    for label, mask in masks.items():
        if label not in table.masks:  # of one fold: counted there
            continue
        row = table.row(label, prompt_set)
        if mask.arm == "control" and prompt_set != "regular" and np.all(row < 0):
            continue
        stop = stop_under(evidence, label, prompt_set)

        def make(label: str = label, stop: SequentialRun | None = stop) -> Run | str:
            compared = pairs(table, label, prompt_set, stop)
            if isinstance(compared, str):
                return compared
            ids = prompts  # one object for all masks that were run on the whole set
            if len(compared.rows) < len(prompts):
                ids = tuple(prompts[i] for i in compared.rows.tolist())
            outcomes = compared.before, compared.after
            return _run(label, ids, outcomes, codes[compared.rows], kind, stop)

        yield mask.k, table.once(("run", kind, label, prompt_set, stop, plain, row.tobytes()), make)


def _of_environments(evidence: Evidence, whole: str) -> Iterator[tuple[int, Run | str]]:
    table, settings = outcome_table(evidence), evidence.settings
    codes = np.unique(table.seeds, return_inverse=True)[1]
    arms = environment_masks(evidence.environments, mode=settings.mode, phase=settings.phase)
    known: set[str] = set()
    for environment, *both in arms:
        rows = measured_rows(evidence, table, environment)
        kind = "part" if environment.dimension in DIMENSIONS else whole
        for mask in both:
            if not _counts(mask) or mask.name in known or not len(rows):
                continue
            known.add(mask.name)
            names = (unmasked_within(environment).name, mask.name)
            if not all(name in table.masks for name in names):
                yield mask.k, "the masks of an environment were not run"
                continue
            before, after = (table.outcomes[table.masks[name], rows] for name in names)
            if np.any(before < 0) or np.any(after < 0):
                yield mask.k, "some prompts have no trial under the masks of their environment"
                continue

            def make(
                name: str = mask.name, outcomes: Outcomes = (before, after), rows: Rows = rows,
                kind: str = kind,
            ) -> Run:  # fmt: skip
                prompts = tuple(table.prompts[i] for i in rows.tolist())
                return _run(name, prompts, outcomes, codes[rows], kind, None)

            seen = (part.tobytes() for part in (rows, before, after))
            yield mask.k, table.once(("run", kind, mask.name, *seen), make)


def _run(
    label: str,
    prompts: tuple[str, ...],
    outcomes: Outcomes,
    codes: npt.NDArray[np.intp],
    kind: str,
    stop: SequentialRun | None,
) -> Run:
    """A run from outcomes without and under the mask, both [n]; seeds as whole numbers, [n]."""
    before, after = outcomes
    lost, won = (before == REFUSE) & (after == COMPLY), (before == COMPLY) & (after == REFUSE)
    sizes = np.bincount(codes)
    base = int(sizes.max()) + 1
    each = (sizes * base + np.bincount(codes, lost)) * base + np.bincount(codes, won)
    kinds, often = np.unique(each[sizes > 0].astype(np.int64), return_counts=True)
    pattern = zip((kinds // base**2).tolist(), (kinds // base % base).tolist(),
                  (kinds % base).tolist(), often.tolist(), strict=True)  # fmt: skip
    return Run(
        label=label,
        prompts=prompts,
        lost=int(lost.sum()),
        won=int(won.sum()),
        pattern=tuple(pattern),
        stop=stop,
        kind=kind,
    )
