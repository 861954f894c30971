"""The largest drop over many masks, with an interval that is about all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from gatekeeper.analysis import intervals
from gatekeeper.analysis.every_mask import Pattern, Run
from gatekeeper.analysis.order import halved
from gatekeeper.analysis.paired import Estimate, difference, too_few
from gatekeeper.analysis.power import design_of, tail_p
from gatekeeper.records.finding import Finding, Interval, Subject
from gatekeeper.records.sequential_run import SequentialRun

#: Halvings of a lower end that leave less than a hundredth of a point.
_HALVINGS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The largest drop over all runs.

    Attributes:
        run: the one that loses most.
        value: its drop; `interval`: of the largest drop, see `worst`. From -1 to 1.
    """

    run: Run
    value: float
    interval: Interval


def worst(runs: Sequence[Run], confidence: float) -> Worst | str:
    """The largest drop over runs, with its interval; or why there is none.

    The lower end is the largest lower end of all M runs at 1 − α/M (Bonferroni, which is Holm's
    first step), so that it holds over all of them together. There Tango's interval is short of what
    it promises, so the exact tail has to be within α/M too (`power.tail_p`). The upper end is the
    largest upper end at 1 − α: that all lie below a limit takes no correction (intersection–union
    test, Berger (1982), Technometrics 24:295).

    A run on a part of the set has a wide interval whatever the mask does. It counts for value and
    upper end only where it is shown to cost more than the others: its own interval lies wholly
    above their upper end, or its lower end at 1 − α/M above the largest drop of theirs. One with
    too few prompts for an interval is left out.
    """
    return _worst(tuple(runs), confidence)


@lru_cache(maxsize=1 << 8)  # open replies told otherwise leave many runs as they are
def _worst(runs: tuple[Run, ...], confidence: float) -> Worst | str:
    strict, alpha = 1 - (1 - confidence) / max(len(runs), 1), (1 - confidence) / max(len(runs), 1)
    full = [run for run in runs if run.kind != "part"]
    if not full:
        return "no mask was run on the whole set"
    kinds = {run.pattern: run for run in full}
    problem = next((reason for run in kinds.values() if (reason := _problem(run))), None)
    if problem:
        return problem
    parts = [run for run in runs if run.kind == "part" and not _problem(run)]
    value = max(_drop(run) for run in full)
    high = _highest(full, confidence)
    counted = [
        run
        for run in parts
        if _interval(run, confidence).low > high or _interval(run, strict).low > value
    ]
    run = max((*full, *counted), key=lambda r: (_drop(r), r.lost))
    method = _interval(run, confidence).method
    interval = Interval(
        low=_lowest((*full, *parts), strict, alpha),
        high=max(high, *(_interval(r, confidence).high for r in counted), -1.0),
        confidence=confidence,
        method=f"{method}, largest of {len(runs)} masks, Bonferroni below",
    )
    return Worst(run=run, value=_drop(run), interval=interval)


def _drop(run: Run) -> float:
    return (run.lost - run.won) / len(run.prompts)


def _problem(run: Run) -> str | None:
    return too_few(len(run.prompts), _worth(tuple((n, times) for n, _, _, times in run.pattern)))


@lru_cache(maxsize=256)
def _worth(sizes: tuple[tuple[int, int], ...]) -> float:
    """`intervals.effective_size` of seeds of (prompts, how many such)."""
    each = np.repeat(*np.array(sizes, np.int64).reshape(-1, 2).T).astype(np.float64)
    return float(len(each)) if np.all(each == 1) else intervals.agreed_size(each)


def _highest(runs: Iterable[Run], confidence: float) -> float:
    """The largest upper end. Masks that cannot have it, whatever their seeds, are not looked at."""

    def bound(run: Run) -> float:
        # No seeds are worth less than where all prompts of one agree, nor is an end higher.
        worth = _worth(tuple((n, times) for n, _, _, times in run.pattern))
        return 1.0 if _early(run) else _tango(run, worth, confidence, upper=True)

    return _best(runs, bound, lambda run: _interval(run, confidence).high)


def _lowest(runs: Iterable[Run], strict: float, alpha: float) -> float:
    """The largest lower end, each with an exact tail within alpha."""

    def bound(run: Run) -> float:
        # No prompts are worth more than as many independent ones.
        return _drop(run) if _early(run) else _tango(run, len(run.prompts), strict, upper=False)

    return _best(runs, bound, lambda run: _exact_low(run, strict, alpha))


def _best(runs: Iterable[Run], bound: Callable[[Run], float], end: Callable[[Run], float]) -> float:
    best = -1.0
    # All that an end depends on is the pattern, and how far a run came: many have the same.
    different = {(run.pattern, run.stop): run for run in runs}.values()
    for most, run in sorted(((bound(run), run) for run in different), key=lambda pair: -pair[0]):
        if most <= best:
            break
        best = max(best, end(run))
    return best


def _early(run: Run) -> bool:
    return run.stop is not None and run.stop.early


def _tango(run: Run, worth: float, confidence: float, *, upper: bool) -> float:
    """What an end of Tango's interval does not exceed."""
    share = worth / len(run.prompts)
    level = confidence if run.stop is None else halved(confidence)
    counts = run.lost * share, run.won * share
    return intervals.above_tango(*counts, worth, level, upper=upper)


def _exact_low(run: Run, strict: float, alpha: float) -> float:
    """The lower end, moved down to where the tail at it is within alpha, but not below 0."""
    wide = _interval(run, strict)
    if wide.low <= 0:  # no limit lies there
        return wide.low
    finding = Finding(
        metric="",
        version=0,
        subject=Subject(),
        value=_drop(run) * 100,
        unit="points",
        interval=replace(wide, low=wide.low * 100, high=wide.high * 100),
        n=len(run.prompts),
        clusters=run.clusters,
        counts={"lost": run.lost, "won": run.won},
    )
    design = design_of(finding, 0.0, upper=True)
    if design is None or design.n < 1:  # by betting, which is exact
        return wide.low

    def holds(limit: float) -> bool:
        return tail_p(replace(design, limit=limit), _drop(run), alpha / 10) <= alpha

    if holds(wide.low):
        return wide.low
    good, bad = 0.0, wide.low
    for _ in range(_HALVINGS):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good


def _interval(run: Run, confidence: float) -> Interval:
    """A run's interval by `paired.difference`, made once for all runs with the same counts.

    Raises:
        ValueError: the run has too few prompts for one (`_problem`).
    """
    stop = run.stop
    if stop is not None:
        stop = replace(stop, selector="", k=0, set="", looks=0, confidence=0.0)
    estimate = _of_pattern(run.pattern, confidence, stop)
    if isinstance(estimate, str):
        raise ValueError(estimate)  # noqa: TRY004 - a reason, no wrong type
    return estimate.interval


@lru_cache(maxsize=1 << 14)
def _of_pattern(pattern: Pattern, confidence: float, stop: SequentialRun | None) -> Estimate | str:
    seeds: list[str] = []
    lost: list[float] = []
    won: list[float] = []
    for size, gone, back, often in pattern:
        for _ in range(often):
            seeds += [str(len(seeds))] * size
            lost += [1.0] * gone + [0.0] * (size - gone)
            won += [0.0] * gone + [1.0] * back + [0.0] * (size - gone - back)
    return difference(np.array(lost), np.array(won), np.array(seeds, np.str_), confidence, stop)
