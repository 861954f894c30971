"""The refused prompts that a search goes by, each harmful set apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.ranking import MINIMUM_SEEDS
from gatekeeper.records.suite import HARMFUL_SETS

#: The set without which there is no search: what selections are claimed of.
_NEEDED = "regular"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Which refused prompts are looked at.

    Attributes:
        rows: per set, places of its prompts in the arrays given.
        seeds: per set, how many.
        note: which sets were left out, and why; empty if none was.
    """

    rows: Mapping[str, npt.NDArray[np.intp]]
    seeds: Mapping[str, int]
    note: str


def refused_by_set(sets: npt.NDArray[np.str_], seeds: npt.NDArray[np.str_]) -> Refused | str:
    """Parts refused prompts by harmful set, or tells why there is nothing to search by.

    An expert may carry the refusals of jailbreaks and none of the plain requests: a mean over both
    would hide what it does, and plain requests alone do not show it.

    Args:
        sets, seeds: of each refused prompt.
    """
    rows = {name: np.flatnonzero(sets == name) for name in HARMFUL_SETS}
    count = {name: len(np.unique(seeds[places])) for name, places in rows.items()}
    if count[_NEEDED] < MINIMUM_SEEDS:
        return (
            f"only {count[_NEEDED]} refused {_NEEDED} seeds in the selection split, "
            f"{MINIMUM_SEEDS} are needed"
        )
    few = [name for name, n in count.items() if n < MINIMUM_SEEDS]
    note = " ".join(
        f"Only {count[name]} refused {name} seeds in the selection split: experts that carry these "
        "refusals alone were not looked for."
        for name in few
    )
    return Refused(
        rows={name: places for name, places in rows.items() if name not in few},
        seeds={name: n for name, n in count.items() if name not in few},
        note=note,
    )
