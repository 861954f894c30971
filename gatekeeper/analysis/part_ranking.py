"""Experts by what they carry of one part of a set: a category, a language or a jailbreak wrapper.

A mean over a set dilutes what one expert does for a ninth of it, and the noise of hundreds of
experts then stands above. For a shortlist only: what is on it is measured.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.categories import PLURAL
from gatekeeper.analysis.ranking import FloatArray, experts_of, order_by
from gatekeeper.analysis.seeds import existing
from gatekeeper.records.evidence import PromptRef
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.suite import HARMFUL_SETS, Prompt

#: Refused prompts of a part, and of the rest of its set, from which a mean says anything.
_LEAST = 5
#: Standard errors that count against an expert: of 512 in a dozen parts, noise exceeds as many a
#: few times.
_ERRORS = 3.0


def parts_of(prompts: Sequence[Prompt | PromptRef]) -> tuple[npt.NDArray[np.str_], ...]:
    """Category, language and wrapper of each prompt, [P] each; '' for none."""
    return tuple(np.array([getattr(p, of) or "" for p in prompts], np.str_) for of in PLURAL)


def by_part(inputs: SelectionInput, most: int) -> tuple[ExpertId, ...]:
    """The experts that carry most more of one part of a harmful set than of the rest of it.

    By the difference of the mean attributions of a part's refused prompts and of the others, less
    three standard errors. Of the difference, as most experts carry a little of every reply, which
    the mean over the set shows. Less the error, not against it: what carries next to nothing, and
    that without noise, would come before what refusals hang on. The error is of the expert's
    deviation in the whole set; that of the part alone would be by chance small in some of so many.

    Returns:
        None without parts, or where each is all of a set.
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
    return tuple(experts_of(inputs, (int(i) for i in order[:most] if np.isfinite(best[i]))))


def _largest(scores: FloatArray, parts: Sequence[npt.NDArray[np.str_]]) -> FloatArray:
    """The largest lower bound over parts, of scores [N, X]: [X]; -inf if no part has others."""
    deviation = scores.std(axis=0)
    best = np.full(scores.shape[1], -np.inf)
    for of in parts:
        for value in np.unique(of):
            own = of == value
            inside, outside = int(own.sum()), int((~own).sum())
            if min(inside, outside) >= _LEAST:
                more = scores[own].mean(axis=0) - scores[~own].mean(axis=0)
                error = deviation * np.sqrt(1 / inside + 1 / outside)
                best = np.maximum(best, more - _ERRORS * error)
    return best
