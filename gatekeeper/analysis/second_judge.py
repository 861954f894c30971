"""What a second judge would make of a number, from the sample of replies that it judged.

Difference estimator: the number by the first judge, plus the weighted mean of what the second
changes (Särndal, Swensson & Wretman 1992, Model Assisted Survey Sampling, section 6.3), each row of
the sample weighing one over its probability to be drawn. Interval: the variance of stratified
sampling with finite populations (Cochran 1977, Sampling Techniques, eq. 5.12), each stratum that
was not judged whole with one more change each way, as Agresti & Caffo (2000), American Statistician
54:280, add a success and a failure: without it, a sample that shows no disagreement would prove
that there is none. It is about what the second judge would say of all these very replies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.intervals import normal_quantile
from gatekeeper.analysis.order import stop_under
from gatekeeper.analysis.outcomes import outcome_table, selected_mask
from gatekeeper.analysis.parts import in_part
from gatekeeper.analysis.second_sample import SecondSample, second_sample
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Interval, Opinion, Subject
from gatekeeper.records.trial import MODE, OUTCOMES, UNMASKED
from gatekeeper.records.trials import judged_twice

METHOD = "stratified difference estimator, plus one change each way"
#: Of no category or language alone.
_WHOLE = Subject()
_NONE = "no second judge was asked"
_NOT_RUN = "the mask was not run on these prompts"

Outcomes = npt.NDArray[np.int8]
FloatArray = npt.NDArray[np.float64]
#: (outcomes unmasked, outcomes under the mask) -> what each prompt counts, -1 to 1.
Count = Callable[[Outcomes, Outcomes], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Term:
    """A part of a number: the weighted sum of counts over some prompts under one mask.

    Attributes:
        mask: its label.
        columns: [n], prompts, as columns of the outcome table.
    """

    mask: str
    columns: npt.NDArray[np.intp]
    weight: float
    count: Count


@lru_cache(maxsize=8)
def second_outcomes(evidence: Evidence) -> Outcomes:
    """What the second judge said, in the shape of the outcome table; -1 where it was not asked."""
    table = outcome_table(evidence)
    column = {prompt: i for i, prompt in enumerate(table.prompts)}
    row = {m.name: table.masks[m.label] for m in evidence.masks if m.label in table.masks}
    outcomes = np.full(table.outcomes.shape, -1, np.int8)
    for trial in judged_twice(evidence.trials):
        if trial.second is not None and trial.mask in row and trial.prompt_id in column:
            outcomes[row[trial.mask], column[trial.prompt_id]] = OUTCOMES.index(trial.second)
    return outcomes


def sample_of(evidence: Evidence) -> SecondSample | str:
    """The sample of the second judge, or why there is none."""
    second = evidence.settings.second
    if second is None:
        return _NONE
    sample = second_sample(evidence, second.sample)
    if np.any(sample.asked() & (second_outcomes(evidence) < 0)):
        return "the second judge's sample is not whole"
    return sample


def opinion(
    evidence: Evidence, terms: Sequence[Term], confidence: float, *, low: float, high: float
) -> Opinion | str:
    """The sum of the terms as the second judge would have it, times 100; or why it is not known.

    Where it judged none of the replies (n = 0), the value is the first judge's.

    Args:
        low, high: the least and most that the result can be, in percent or points.
    """
    sample = sample_of(evidence)
    if isinstance(sample, str):
        return sample
    if any(np.any(_strata(sample, term) < 0) for term in terms):
        return "some replies are missing"
    changes = _Changes(evidence, sample)
    value = sum(changes.add(term) for term in terms)
    shift, error = changes.total()
    half = normal_quantile(confidence) * error
    centre = 100 * (value + shift)
    return Opinion(
        value=min(max(centre, low), high),
        interval=Interval(
            low=min(max(centre - 100 * half, low), high),
            high=max(min(centre + 100 * half, high), low),
            confidence=confidence,
            method=METHOD,
        ),
        n=changes.n,
        unseen=changes.unseen,
    )


def _strata(sample: SecondSample, term: Term) -> npt.NDArray[np.int32]:
    strata: npt.NDArray[np.int32] = sample.stratum[sample.table.masks[term.mask], term.columns]
    return strata


class _Changes:
    """Sums over each stratum's sampled rows of what the second judge changes."""

    def __init__(self, evidence: Evidence, sample: SecondSample) -> None:
        self._first = sample.table.outcomes
        self._second = second_outcomes(evidence)
        self._sample = sample
        strata = len(sample.sizes)
        self._sums, self._squares, self._prior = np.zeros((3, strata))
        self.n = self.unseen = 0

    def add(self, term: Term) -> float:
        """Counts a term in; its value by the first judge."""
        sample, at = self._sample, term.columns
        row = sample.table.masks[term.mask]
        plain = sample.base[row]
        first = term.weight * term.count(self._first[plain, at], self._first[row, at])
        second = term.weight * term.count(self._second[plain, at], self._second[row, at])
        taken, stratum = sample.taken[row, at], _strata(sample, term)
        change, strata = (second - first)[taken], len(self._sums)
        self._sums += np.bincount(stratum[taken], change, strata)
        self._squares += np.bincount(stratum[taken], change**2, strata)
        inside = np.bincount(stratum, minlength=strata)
        self._prior += 2 * term.weight**2 * inside / np.maximum(sample.sizes, 1)
        self.n += int(taken.sum())
        self.unseen += int(np.sum(sample.drawn[stratum] == 0))
        return float(first.sum())

    def total(self) -> tuple[float, float]:
        """Estimated sum of the changes over all replies, judged twice or not; and its error."""
        seen = self._sample.drawn > 0
        n, size = self._sample.drawn[seen], self._sample.sizes[seen]
        sums, squares = self._sums[seen], self._squares[seen] + self._prior[seen]
        variance = (squares - sums**2 / (n + 2)) / (n + 1)
        error = math.sqrt(float(np.sum(size**2 * (1 - n / size) * variance / n)))
        return float(np.sum(size / n * sums)), error


def paired_count(lost: tuple[int, int], won: tuple[int, int] | None) -> Count:
    """1 for a prompt that went from `lost[0]` unmasked to `lost[1]`, -1 for one that came back."""

    def count(before: Outcomes, after: Outcomes) -> FloatArray:
        change: FloatArray = ((before == lost[0]) & (after == lost[1])).astype(np.float64)
        if won is not None:
            change -= (before == won[0]) & (after == won[1])
        return change

    return count


def outcome_count(outcome: int) -> Count:
    """1 for a prompt with this outcome under the mask."""

    def count(_before: Outcomes, after: Outcomes) -> FloatArray:
        hits: FloatArray = (after == outcome).astype(np.float64)
        return hits

    return count


def columns_of(
    evidence: Evidence,
    prompt_set: str,
    label: str | None = None,
    subject: Subject = _WHOLE,
) -> npt.NDArray[np.intp]:
    """Measured prompts of a set, as columns of the outcome table.

    Args:
        label: of a mask; if its run stopped early, the prompts that were run.
        subject: whose category and language the prompts must be of.
    """
    table = outcome_table(evidence)
    inside = table.sets == prompt_set
    if label in table.masks and stop_under(evidence, label, prompt_set) is not None:
        inside &= table.outcomes[table.masks[label]] >= 0
    if subject.category or subject.language:
        part = {p.id for p in evidence.suite.prompts if in_part(p, subject)}
        inside &= np.array([prompt in part for prompt in table.prompts], np.bool_)
    return np.flatnonzero(inside)


def selected_label(evidence: Evidence, subject: Subject) -> str | None:
    """Label of a subject's mask, if it was run."""
    mask = selected_mask(evidence, subject.selector or "", subject.k or 0, subject.mode or MODE)
    return None if mask is None or mask.label not in outcome_table(evidence).masks else mask.label


def paired_opinion(
    evidence: Evidence,
    subject: Subject,
    confidence: float,
    *,
    lost: tuple[int, int],
    won: tuple[int, int] | None,
) -> Opinion | str:
    """`paired_finding` as the second judge would have it; same arguments."""
    label = selected_label(evidence, subject)
    at = columns_of(evidence, subject.set or "regular", label, subject)
    if label is None or not len(at):
        return _NOT_RUN
    term = Term(mask=label, columns=at, weight=1 / len(at), count=paired_count(lost, won))
    return opinion(evidence, [term], confidence, low=0 if won is None else -100, high=100)


def rate_opinion(
    evidence: Evidence, subject: Subject, confidence: float, *, outcome: int
) -> Opinion | str:
    """`rate` as the second judge would have it; same arguments."""
    masked = subject.mask == "selected"
    label = selected_label(evidence, subject) if masked else UNMASKED.name
    at = columns_of(evidence, subject.set or "", label, subject)
    if label is None or not len(at):
        return _NOT_RUN
    term = Term(mask=label, columns=at, weight=1 / len(at), count=outcome_count(outcome))
    return opinion(evidence, [term], confidence, low=0, high=100)
