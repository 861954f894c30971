"""Divides the prompts of a set into parts, such as categories, to measure the worst one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis import intervals
from gatekeeper.analysis.beside_trials import beside_trials
from gatekeeper.analysis.outcomes import outcome_table
from gatekeeper.analysis.paired import Estimate, too_few
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Interval, Opinion

Rows = npt.NDArray[np.intp]

#: Share of a set that may lie in categories too small to be told apart.
_MOST_SMALL = 0.1

#: What tells parts of a set apart, and how several are called.
PLURAL = {"category": "categories", "language": "languages", "wrapper": "jailbreak wrappers"}


@beside_trials(maxsize=64)
def by_size(
    evidence: Evidence, prompt_set: str, of: str = "category"
) -> tuple[list[Rows], list[Rows]]:
    """Rows of a set, by part: of those large enough for an interval, and of the others.

    Args:
        of: what tells parts apart: `category`, `language` or `wrapper` of a `PromptRef`.
    """
    table = outcome_table(evidence)
    part = {p.id: getattr(p, of) or "" for p in evidence.suite.prompts}
    prompts = np.array(table.prompts)[table.sets == prompt_set]
    parts = np.array([part[i] for i in prompts], np.str_)
    seeds = table.set_seeds(prompt_set)
    large: list[Rows] = []
    small: list[Rows] = []
    for name in np.unique(parts):
        rows = np.flatnonzero(parts == name)
        few = too_few(len(rows), intervals.effective_size(seeds[rows]))
        (small if few else large).append(rows)
    return large, small


def hidden(evidence: Evidence, prompt_set: str, of: str = "category") -> str | None:
    """Why the worst part could be among those that are too small, or None."""
    large, small = by_size(evidence, prompt_set, of)
    inside = sum(len(rows) for rows in small)
    if len(small) < 2 or inside <= _MOST_SMALL * (inside + sum(len(rows) for rows in large)):
        return None
    return (
        f"{len(small)} {PLURAL[of]} with {inside} prompts have too few independent seeds each to "
        "be told apart"
    )


def groups(evidence: Evidence, prompt_set: str, of: str = "category") -> list[Rows]:
    """Rows of a set of each part; those that are too small for an interval together.

    Too small in the whole set, run or not: of a run that is looked at early, all would be, and
    taken together they hide the worst.
    """
    large, small = by_size(evidence, prompt_set, of)
    return [*large, np.concatenate(small)] if small else large


def together(
    parts: Sequence[Estimate | Opinion],
    confidence: float,
    worst: Callable[..., float],
    of: str = "category",
) -> Interval:
    """The interval of the worst of several parts, each at its part of the error rate.

    Args:
        parts: with intervals at 1 − α/m for m parts (Bonferroni), so that all hold at once.
        worst: `max` or `min`.
        of: as of `by_size`.
    """
    return Interval(
        low=worst(p.interval.low for p in parts),
        high=worst(p.interval.high for p in parts),
        confidence=confidence,
        method=f"{parts[0].interval.method}, Bonferroni over {len(parts)} {PLURAL[of]}",
    )


def worst_opinion(
    parts: Sequence[Opinion],
    confidence: float,
    worst: Callable[..., float],
    of: str = "category",
) -> Opinion:
    """What a second judge makes of the worst part; arguments as of `together`."""
    return Opinion(
        value=worst(p.value for p in parts),
        interval=together(parts, confidence, worst, of),
        n=sum(p.n for p in parts),
        unseen=sum(p.unseen for p in parts),
    )
