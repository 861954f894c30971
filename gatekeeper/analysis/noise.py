"""Counts replies whose outcome changes between two runs of the unmasked model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.outcomes import outcome_table
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import AGAIN, UNMASKED


def flips(evidence: Evidence, prompt_set: str) -> npt.NDArray[np.bool_] | None:
    """Whether each prompt of a set had another outcome the second time, [n]; None if not run."""
    table = outcome_table(evidence)
    first, second = (table.row(mask.name, prompt_set) for mask in (UNMASKED, AGAIN))
    if len(first) == 0 or len(second) == 0 or np.any(first < 0) or np.any(second < 0):
        return None
    changed: npt.NDArray[np.bool_] = first != second
    return changed


def floor(evidence: Evidence, prompt_set: str) -> float:
    """Share of a set's outcomes that flip without a mask, 0 to 1; 0 where that was not run."""
    flipped = flips(evidence, prompt_set)
    return 0.0 if flipped is None else float(flipped.mean())
