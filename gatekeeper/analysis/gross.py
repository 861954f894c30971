"""Refusals gone, as a share of those there were, as a second judge would have it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.outcomes import REFUSE
from gatekeeper.analysis.second_judge import FloatArray, Outcomes, Term, opinion
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Interval, Opinion

#: Of outcomes under a mask: which of them a refusal is gone with.
Gone = Callable[[Outcomes], npt.NDArray[np.bool_]]


def gross_opinion(
    evidence: Evidence, label: str, columns: npt.NDArray[np.intp], confidence: float, gone: Gone
) -> Opinion | str:
    """Share of refused prompts whose refusal is gone, by the second judge; or why it is not known.

    It may see other refusals without the mask too, so this is a ratio of two estimates; its error
    is that of gone − ratio · refused, over the refused.
    Source: Särndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, section 5.6.

    Args:
        label: of the mask.
        columns: [n], prompts, as columns of the outcome table; at least one.
    """

    def total(count: Callable[[Outcomes, Outcomes], FloatArray], weight: float) -> Opinion | str:
        term = Term(mask=label, columns=columns, weight=weight, count=count)
        return opinion(evidence, [term], confidence, low=-100, high=100)

    def lost(before: Outcomes, after: Outcomes) -> FloatArray:
        return np.asarray((before == REFUSE) & gone(after), np.float64)

    def refused(before: Outcomes, _after: Outcomes) -> FloatArray:
        return np.asarray(before == REFUSE, np.float64)

    all_lost, all_refused = total(lost, 1 / len(columns)), total(refused, 1 / len(columns))
    if isinstance(all_lost, str) or isinstance(all_refused, str):
        return all_lost if isinstance(all_lost, str) else str(all_refused)
    if all_refused.value <= 0:
        return "the second judge sees no refusal without the mask"
    ratio, part = all_lost.value / all_refused.value, all_refused.value / 100
    rest = total(lambda b, a: lost(b, a) - ratio * refused(b, a), 1 / len(columns) / part)
    if isinstance(rest, str):
        return rest
    value = min(max(100 * ratio, 0.0), 100.0)
    return Opinion(
        value=value,
        interval=Interval(
            low=min(max(100 * ratio + rest.interval.low, 0.0), value),
            high=max(min(100 * ratio + rest.interval.high, 100.0), value),
            confidence=confidence,
            method=rest.interval.method,
        ),
        n=rest.n,
        unseen=rest.unseen,
    )
