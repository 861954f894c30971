"""How often two judges agree on all replies, from a stratified sample that both judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.intervals import wilson
from gatekeeper.analysis.second_sample import SecondSample
from gatekeeper.records.trial import OUTCOMES, UNDECIDED

#: How the interval of the share was made.
METHOD = "Wilson, effective sample size of a stratified sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgesAgree:
    """Agreement of two judges, in shares.

    Attributes:
        n: replies that both judged, of which they `agreed` on so many.
        replies: all that these stand for; `unseen`: those of strata of which none was judged.
        kappa: Cohen's κ over the three outcomes, weighted as the share is; None where either judge
            says one thing only.
    """

    value: float
    low: float
    high: float
    n: int
    agreed: int
    replies: int
    unseen: int
    kappa: float | None


def agreement(
    sample: SecondSample,
    second: npt.NDArray[np.int8],
    inside: npt.NDArray[np.bool_],
    confidence: float,
) -> JudgesAgree | str:
    """Weighted share of replies with the same outcome by both judges, or why there is none.

    Stratified mean and its variance with finite populations: Cochran (1977), Sampling Techniques,
    eqs. 5.1 and 5.12. Interval: Wilson's at the effective sample size, as Korn & Graubard (1998),
    Survey Methodology 24:193, do for shares in surveys: the size that gives this variance, but no
    more than the weights alone leave of it (Kish 1965, Survey Sampling, section 11.7), which also
    stands where no disagreement was seen. κ: Cohen (1960), Educ. Psychol. Meas. 20:37, of the
    weighted table.

    Args:
        second: [M, P], what the second judge said.
        inside: bool [P], prompts that count.
    """
    # What nobody judged is no agreement.
    known = (sample.table.outcomes != OUTCOMES.index(UNDECIDED)) & inside
    rows = np.flatnonzero((sample.taken & known).ravel())
    if not len(rows):
        return "the second judge was asked about none of these replies"
    strata = len(sample.sizes)
    one, other = sample.table.outcomes.ravel()[rows], second.ravel()[rows]
    stratum = sample.stratum.ravel()[rows]
    all_rows = sample.stratum[known]
    population = np.bincount(all_rows[all_rows >= 0], minlength=strata)
    n = np.bincount(stratum, minlength=strata)
    seen = n > 0
    share = np.bincount(stratum, one == other, strata)[seen] / n[seen]
    size, drawn = population[seen], n[seen]
    weight = size / size.sum()
    value = float(np.sum(weight * share))
    low, high = _interval(value, share, weight**2 * (1 - drawn / size) / drawn, drawn, confidence)
    weights = (size / drawn)[np.cumsum(seen)[stratum] - 1]
    return JudgesAgree(
        value=value,
        low=low,
        high=high,
        n=len(rows),
        agreed=int(np.sum(one == other)),
        replies=int(size.sum()),
        unseen=int(population[~seen].sum()),
        kappa=_kappa(one, other, weights),
    )


def _interval(
    value: float,
    share: npt.NDArray[np.float64],
    worth: npt.NDArray[np.float64],
    drawn: npt.NDArray[np.int64],
    confidence: float,
) -> tuple[float, float]:
    """Ends of the interval of the weighted share.

    Args:
        share: [H], of each stratum; `worth`: what a variance of 1 in it adds to that of the value.
    """
    if worth.sum() == 0:  # all were judged
        return value, value
    spread = value * (1 - value)
    # One reply tells nothing of how replies of its stratum differ.
    within = np.where(drawn > 1, share * (1 - share) * drawn / np.maximum(drawn - 1, 1), spread)
    variance = float(np.sum(worth * within))
    size = 1 / float(worth.sum())
    if variance > 0:
        size = min(size, spread / variance)
    interval = wilson(value * size, size, confidence)
    return min(interval.low, value), max(interval.high, value)


def _kappa(
    one: npt.NDArray[np.int8], other: npt.NDArray[np.int8], weights: npt.NDArray[np.float64]
) -> float | None:
    table = np.zeros((len(OUTCOMES), len(OUTCOMES)))
    np.add.at(table, (one, other), weights)
    table /= table.sum()
    chance = float(table.sum(axis=1) @ table.sum(axis=0))
    if max(table.sum(axis=1).max(), table.sum(axis=0).max()) >= 1 - 1e-12:
        return None
    return (float(np.trace(table)) - chance) / (1 - chance)
