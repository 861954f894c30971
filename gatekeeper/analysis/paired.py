"""Shares and paired differences of outcomes, turned into findings.

Where a run may have stopped early (`records.sequential_run`), intervals are of betting if it did,
and the usual ones if it did not, both at half the error rate (`analysis.order.halved`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis import betting, clustered, intervals
from gatekeeper.analysis.order import halved, stop_under
from gatekeeper.analysis.outcomes import OutcomeTable, outcome_table, selected_mask, why_no_mask
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.sequential_run import SequentialRun
from gatekeeper.records.trial import MODE

#: Below this many independent prompts nothing is claimed: 5 seeds of one prompt of the set each, or
#: 8 seeds of equally many (see `intervals.effective_size`).
MINIMUM_N = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share or difference of shares (-1 to 1) with its interval and what it rests on."""

    value: float
    interval: Interval
    n: int
    clusters: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Unmasked and masked outcomes of the same prompts, both [n], and their seeds.

    Those of `transition` are one object wherever they are alike, so that what is made of them can
    be kept.

    Attributes:
        rows: [n], places of the prompts among those of their set.
        stop: how far the mask was run, if it might have stopped early.
    """

    before: npt.NDArray[np.int8]
    after: npt.NDArray[np.int8]
    seeds: npt.NDArray[np.str_]
    rows: npt.NDArray[np.intp]
    stop: SequentialRun | None

    def count(self, before: int, after: int) -> int:
        """Prompts that went from one outcome to another."""
        return int(np.sum((self.before == before) & (self.after == after)))


def scaled(interval: Interval, factor: float = 100.0) -> Interval:
    """The interval in percent or points."""
    return Interval(
        low=interval.low * factor,
        high=interval.high * factor,
        confidence=interval.confidence,
        method=interval.method,
    )


def share(
    hits: npt.NDArray[np.bool_],
    seeds: npt.NDArray[np.str_],
    confidence: float,
    stop: SequentialRun | None = None,
) -> Estimate | str:
    """Share of hits with Wilson's interval, or why there is none.

    At the effective sample size where prompts share seeds: see `clustered`.
    """
    n, values = len(hits), hits.astype(np.float64)
    n_eff, count = intervals.worth_of(seeds)
    problem = too_few(n, n_eff)
    if problem:
        return problem
    if stop is not None:
        confidence = halved(confidence)
    if stop is not None and stop.early:
        interval = betting.interval(values, seeds, confidence, least=0.0, largest=stop.largest)
    elif n_eff == n:
        interval = intervals.wilson(float(values.sum()), n, confidence)
    else:
        interval = clustered.share(values, clustered.Seeds.of(seeds), confidence)
    return Estimate(value=float(values.mean()), interval=interval, n=n, clusters=count)


def difference(
    lost: npt.NDArray[np.float64],
    won: npt.NDArray[np.float64],
    seeds: npt.NDArray[np.str_],
    confidence: float,
    stop: SequentialRun | None = None,
) -> Estimate | str:
    """Mean of lost − won with Tango's interval, or why there is none.

    At the effective sample size where prompts share seeds: see `clustered`.

    Args:
        lost, won: [n], 0 or 1 per prompt.
    """
    n = len(lost)
    n_eff, count = intervals.worth_of(seeds)
    problem = too_few(n, n_eff)
    if problem:
        return problem
    if stop is not None:
        confidence = halved(confidence)
    if stop is not None and stop.early:
        interval = betting.interval(lost - won, seeds, confidence, largest=stop.largest)
    elif n_eff == n:
        interval = intervals.tango(float(lost.sum()), float(won.sum()), n, confidence)
    else:
        interval = clustered.difference(lost, won, clustered.Seeds.of(seeds), confidence)
    value = float(lost.mean() - won.mean())
    return Estimate(value=value, interval=interval, n=n, clusters=count)


def too_few(n: int, n_eff: float) -> str | None:
    """Why n prompts are too few to claim anything, or None."""
    if n == 0:
        return "no prompts were measured"
    if n_eff < MINIMUM_N:
        return f"only {n} prompts from too few independent seeds were measured"
    return None


def pairs(
    table: OutcomeTable, mask: str, prompt_set: str, stop: SequentialRun | None = None
) -> Pairs | str:
    """The prompts of a set that were run both unmasked and under a mask, or why there are none.

    Args:
        stop: how far the mask was run; that those were the right prompts is held elsewhere.
    """
    before, after = table.row("unmasked", prompt_set), table.row(mask, prompt_set)
    if len(before) == 0 or len(after) == 0 or np.all(after < 0):
        return f"the mask was not run on the set {prompt_set}"
    rows = np.flatnonzero(after >= 0)
    if np.any(before < 0) or len(rows) != (len(after) if stop is None else stop.prompts):
        return f"some prompts of the set {prompt_set} have no trial: the audit is not complete"
    seeds = table.set_seeds(prompt_set)
    seeds = seeds if len(rows) == len(seeds) else seeds[rows]
    return Pairs(before=before[rows], after=after[rows], seeds=seeds, rows=rows, stop=stop)


def left_out(stop: SequentialRun | None) -> dict[str, int]:
    """The count that tells how many prompts there would have been, where a run stopped early."""
    return {"planned": stop.of} if stop is not None and stop.early else {}


def transition(evidence: Evidence, subject: Subject, *, mask: str | None = None) -> Pairs | str:
    """Pairs for a subject's set (`regular` unless given), selector and k."""
    if mask is None:
        if subject.selector is None or subject.k is None:
            return "no selector or no mask size was named"
        at = (subject.selector, subject.k, subject.mode or MODE)
        chosen = selected_mask(evidence, *at)
        if chosen is None:
            return why_no_mask(evidence, *at)
        mask = chosen.label
    table, name = outcome_table(evidence), subject.set or "regular"
    stop = stop_under(evidence, mask, name)
    rows = (table.row(label, name).tobytes() for label in ("unmasked", mask))
    key = ("pairs", mask, name, stop, *rows)
    return table.once(key, lambda: pairs(table, mask, name, stop))


def paired_finding(
    metric: str,
    version: int,
    evidence: Evidence,
    subject: Subject,
    confidence: float,
    *,
    lost: tuple[int, int],
    won: tuple[int, int] | None,
    mask: str | None = None,
) -> Finding | Missing:
    """A finding in points: share of transitions `lost` minus share of transitions `won`.

    Args:
        lost, won: (outcome before, outcome after); `won` None counts nothing against.
        mask: label of the mask, where the subject does not tell.
    """
    outcomes = transition(evidence, subject, mask=mask)
    if isinstance(outcomes, str):
        return Missing(metric=metric, version=version, subject=subject, reason=outcomes)
    return _finding(metric, version, outcomes, subject, confidence, lost, won)


@lru_cache(maxsize=1 << 12)
def _finding(
    metric: str,
    version: int,
    outcomes: Pairs,
    subject: Subject,
    confidence: float,
    lost: tuple[int, int],
    won: tuple[int, int] | None,
) -> Finding | Missing:
    hit = ((outcomes.before == lost[0]) & (outcomes.after == lost[1])).astype(np.float64)
    back = np.zeros_like(hit)
    if won is not None:
        back = ((outcomes.before == won[0]) & (outcomes.after == won[1])).astype(np.float64)
    if won is None:
        # A share has no negative side: nothing is counted against it.
        estimate = share(hit.astype(np.bool_), outcomes.seeds, confidence, outcomes.stop)
    else:
        estimate = difference(hit, back, outcomes.seeds, confidence, outcomes.stop)
    if isinstance(estimate, str):
        return Missing(metric=metric, version=version, subject=subject, reason=estimate)
    n_lost, n_won = int(hit.sum()), int(back.sum())
    return Finding(
        metric=metric,
        version=version,
        subject=subject,
        value=estimate.value * 100,
        unit="points",
        interval=scaled(estimate.interval),
        n=estimate.n,
        clusters=estimate.clusters,
        counts={"lost": n_lost, "won": n_won, **left_out(outcomes.stop)},
        p_value=intervals.mcnemar_p(n_lost, n_won) if won is not None else None,
        p_method="exact McNemar, two-sided" if won is not None else None,
    )
