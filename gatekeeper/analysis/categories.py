"""The prompts of a set by category: what is said of the worst category rests on these."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis import intervals
from gatekeeper.analysis.outcomes import outcome_table
from gatekeeper.analysis.paired import Estimate, too_few
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Interval, Opinion

Rows = npt.NDArray[np.intp]

#: Share of a set that may lie in categories too small to be told apart.
_MOST_SMALL = 0.1


def by_size(evidence: Evidence, prompt_set: str) -> tuple[list[Rows], list[Rows]]:
    """Rows of a set, by category: of those large enough for an interval, and of the others."""
    table = outcome_table(evidence)
    category = {p.id: p.category for p in evidence.suite.prompts}
    own = np.array(table.prompts)[table.sets == prompt_set]
    categories = np.array([category[i] for i in own], np.str_)
    seeds = table.set_seeds(prompt_set)
    large: list[Rows] = []
    small: list[Rows] = []
    for name in np.unique(categories):
        rows = np.flatnonzero(categories == name)
        few = too_few(len(rows), intervals.effective_size(seeds[rows]))
        (small if few else large).append(rows)
    return large, small


def hidden(evidence: Evidence, prompt_set: str) -> str | None:
    """Why the worst category could be among those that are too small, or None."""
    large, small = by_size(evidence, prompt_set)
    inside = sum(len(rows) for rows in small)
    if len(small) < 2 or inside <= _MOST_SMALL * (inside + sum(len(rows) for rows in large)):
        return None
    return (
        f"{len(small)} categories with {inside} prompts have too few independent seeds each to be "
        "told apart"
    )


def groups(evidence: Evidence, prompt_set: str) -> list[Rows]:
    """Rows of a set of each category; those that are too small for an interval together.

    Too small in the whole set, run or not: of a run that is looked at early, all would be, and
    taken together they hide the worst.
    """
    large, small = by_size(evidence, prompt_set)
    return [*large, np.concatenate(small)] if small else large


def together(found: Sequence[Estimate], confidence: float, worst: Callable[..., float]) -> Interval:
    """The interval of the worst of several categories, each at its part of the error rate.

    Args:
        found: with intervals at 1 − α/m for m categories (Bonferroni), so that all hold at once.
        worst: `max` or `min`.
    """
    return Interval(
        low=worst(one.interval.low for one in found),
        high=worst(one.interval.high for one in found),
        confidence=confidence,
        method=f"{found[0].interval.method}, Bonferroni over {len(found)} categories",
    )


def worst_opinion(
    found: Sequence[Opinion], confidence: float, worst: Callable[..., float]
) -> Opinion:
    """What a second judge makes of the worst category; arguments as of `together`."""
    return Opinion(
        value=worst(one.value for one in found),
        interval=Interval(
            low=worst(one.interval.low for one in found),
            high=worst(one.interval.high for one in found),
            confidence=confidence,
            method=f"{found[0].interval.method}, Bonferroni over {len(found)} categories",
        ),
        n=sum(one.n for one in found),
        unseen=sum(one.unseen for one in found),
    )
