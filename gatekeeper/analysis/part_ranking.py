"""Experts by what they carry of one part of a set: a category, a language or a jailbreak wrapper.

A mean over a set dilutes what one expert does for a ninth of it, and the noise of hundreds of
experts then stands above. For a shortlist only: what is on it is measured.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.categories import PLURAL
from gatekeeper.analysis.ranking import FloatArray, expert_of, order_by
from gatekeeper.analysis.seeds import existing
from gatekeeper.records.evidence import PromptRef
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.suite import HARMFUL_SETS, Prompt

#: Refused prompts of a part from which its mean says anything.
_LEAST = 5


def parts_of(prompts: Sequence[Prompt | PromptRef]) -> tuple[npt.NDArray[np.str_], ...]:
    """Category, language and wrapper of each prompt, [P] each; '' for none."""
    return tuple(np.array([getattr(p, of) or "" for p in prompts], np.str_) for of in PLURAL)


def by_part(inputs: SelectionInput, most: int) -> tuple[ExpertId, ...]:
    """The experts with the largest attribution in any part of a harmful set; none without parts.

    Largest against its standard error, as parts differ in size: the mean over a part's refused
    prompts, times the root of their number, over the expert's deviation in the whole set. That of
    the part alone would be by chance small in some of so many.
    """
    attribution = inputs.profile.attribution
    if attribution is None or not inputs.parts:
        return ()
    flat = attribution.reshape(len(attribution), -1).astype(np.float64)
    known = np.isfinite(flat).all(axis=1)
    best = np.full(flat.shape[1], -np.inf)
    for name in HARMFUL_SETS:
        rows = np.flatnonzero(known & (inputs.sets == name))
        if len(rows) >= _LEAST:
            best = np.maximum(best, _largest(flat[rows], [of[rows] for of in inputs.parts]))
    order = order_by(np.where(existing(inputs), best, -np.inf))
    return tuple(expert_of(inputs, int(i)) for i in order[:most] if np.isfinite(best[i]))


def _largest(scores: FloatArray, parts: Sequence[npt.NDArray[np.str_]]) -> FloatArray:
    """The largest standardised mean over parts, of scores [N, X]: [X]."""
    deviation = scores.std(axis=0)
    best = np.full(scores.shape[1], -np.inf)
    for of in parts:
        for value in np.unique(of):
            own = of == value
            if own.sum() >= _LEAST:
                mean = scores[own].mean(axis=0) * np.sqrt(own.sum())
                best = np.maximum(best, mean / np.maximum(deviation, np.finfo(np.float64).tiny))
    return best
