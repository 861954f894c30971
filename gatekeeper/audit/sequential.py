"""Masks run on more and more prompts, each until the limits that hang on it are settled.

What no rule asks about is for the reader, and is run on some prompts only (`_ENOUGH`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gatekeeper.analysis.order import looks, order
from gatekeeper.audit.cumulative_progress import Advance, Joined
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.row_plan import Work
from gatekeeper.engine.generate.sweep import Progress
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.sequential_run import SequentialRun
from gatekeeper.records.trial import Mask, Trial, what_it_does

#: Prompts from which on the next look ends a run that no rule asks about.
_ENOUGH = 40

#: (runs so far) -> those of which more must be seen.
Settle = Callable[[Evidence], set[SequentialRun]]
#: Prompts under masks, and where to tell how far they are -> trials.
Run = Callable[[Sequence[Work], Progress], list[Trial]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppingRule:
    """The rule by which runs end early: what a policy is asked at each look.

    Attributes:
        settle: see `policy.sequential.unsettled`.
        policy: its digest.
        confidence: of its intervals.
    """

    settle: Settle
    policy: str
    confidence: float


def runs_to_watch(evidence: Evidence, rule: StoppingRule) -> dict[SequentialRun, bool]:
    """The runs that may stop early, none of them begun, and whether a rule asks about each."""
    sets = dict.fromkeys(p.set for p in evidence.suite.prompts if p.measures)
    begun = tuple(
        SequentialRun(
            selector=mask.selector,
            k=mask.k,
            set=name,
            prompts=0,
            of=sum(len(ids) for ids in order(evidence, name)),
            largest=max(len(ids) for ids in order(evidence, name)),
            looks=0,
            confidence=rule.confidence,
        )
        for mask in evidence.masks
        if mask.arm in {"selected", "beside"} and mask.selector is not None
        for name in sets
    )
    awaited = rule.settle(replace(evidence, stops=begun))
    return {stop: stop in awaited for stop in begun}


def watched(stops: Iterable[SequentialRun]) -> Callable[[Mask, str], bool]:
    """Whether a mask's run on a set is among those that may stop early."""
    known = {(stop.selector, stop.k, stop.set) for stop in stops}

    def is_watched(mask: Mask, name: str) -> bool:
        arm = mask.arm in {"selected", "beside"} or (mask.arm == "control" and name == "regular")
        return arm and (mask.selector, mask.k, name) in known

    return is_watched


def run_in_order(
    evidence: Evidence,
    stops: Mapping[SequentialRun, bool],
    prompts: Sequence[Encoded],
    rule: StoppingRule,
    run: Run,
    advance: Advance,
) -> tuple[list[Trial], tuple[SequentialRun, ...]]:
    """Runs what is watched look by look; a killed audit takes the same looks again.

    Args:
        evidence: with the trials of all that is not watched, the unmasked model's among them.
        stops: of `runs_to_watch`.
        prompts: those that measure.
        advance: is told the rows of all looks, of as many as there are at most.
    """
    by_id = {item.prompt.id: item for item in prompts}
    masks_of = {s: [m for m in evidence.masks if watched([s])(m, s.set)] for s in stops}
    joined = Joined(advance=advance)
    trials: list[Trial] = []
    done = {stop: stop for stop in stops}
    active = set(stops)
    while active:
        plan: dict[str, list[Mask]] = {}
        for unit in [stop for stop in stops if stop in active]:
            block, done[unit] = _next(evidence, done[unit])
            for prompt_id in block:
                plan.setdefault(prompt_id, []).extend(masks_of[unit])
        work = [Work(prompt=by_id[i], masks=tuple(m)) for i, m in plan.items()]
        fresh = run(work, joined.next(_most_left(done, active, masks_of)))
        trials += fresh
        evidence = replace(
            evidence, trials=(*evidence.trials, *fresh), stops=tuple(done[s] for s in stops)
        )
        waiting = rule.settle(evidence)
        active = {
            unit
            for unit in active
            if done[unit].early
            and (done[unit] in waiting if stops[unit] else done[unit].prompts < _ENOUGH)
        }
    joined.end()
    return trials, tuple(done[stop] for stop in stops)


def _most_left(
    done: Mapping[SequentialRun, SequentialRun],
    active: set[SequentialRun],
    masks_of: Mapping[SequentialRun, Sequence[Mask]],
) -> int:
    """Rows behind the next look, should no run stop there.

    Runs on a set take the same looks, so that those still active are equally far.
    """
    rows = 0
    for name in {unit.set for unit in active}:
        units = [unit for unit in active if unit.set == name]
        masks = {what_it_does(mask) for unit in units for mask in masks_of[unit]}
        rows += len(masks) * max(done[unit].of - done[unit].prompts for unit in units)
    return rows


def _next(evidence: Evidence, stop: SequentialRun) -> tuple[list[str], SequentialRun]:
    """Ids of the prompts up to the next look, and how far the run has then come."""
    seeds = order(evidence, stop.set)
    marks = [0, *looks(seeds)]
    block = [i for ids in seeds[marks[stop.looks] : marks[stop.looks + 1]] for i in ids]
    return block, replace(stop, prompts=stop.prompts + len(block), looks=stop.looks + 1)
