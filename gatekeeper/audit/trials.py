"""Runs the measurement half of an audit: every prompt under its masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gatekeeper.audit.audit_run import AuditRun
from gatekeeper.audit.cumulative_progress import Joined
from gatekeeper.audit.prepare import Prepared
from gatekeeper.audit.sequential import StoppingRule, run_in_order, runs_to_watch, watched
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.measure.usefulness import usefulness
from gatekeeper.records.environment import Environment
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import AGAIN, UNMASKED, Mask, Trial, on_every_set
from gatekeeper.records.usefulness import Usefulness


def with_trials(
    run: AuditRun,
    evidence: Evidence,
    parted: Sequence[tuple[Environment, Mask, Mask]],
    looks: StoppingRule | None,
) -> Evidence:
    """Adds the trials under the masks to the evidence; of some, only as many as it takes."""
    masks = [m for m in evidence.masks if m.arm not in {"environment", "again"}]
    planned = {} if looks is None else runs_to_watch(evidence, looks)
    evidence = replace(evidence, trials=run_trials(run, masks, parted, later=watched(planned)))
    if looks is None or not planned:
        return evidence
    with run.clock.stage("trials in order"):
        more, stops = run_in_order(
            evidence,
            planned,
            run.prepared.side("measurement"),
            looks,
            lambda work, progress: run.sweep(work, progress=progress),
            run.clock.reporter.advance,
        )
    return replace(evidence, trials=(*evidence.trials, *more), stops=stops)


def run_trials(
    run: AuditRun,
    masks: Sequence[Mask],
    parted: Sequence[tuple[Environment, Mask, Mask]],
    *,
    later: Callable[[Mask, str], bool] = lambda _mask, _set: False,
) -> tuple[Trial, ...]:
    """Runs all masks, and the unmasked model once more in batches of another size.

    Args:
        later: (mask, set) that is left to `in_order`.
    """
    once_more = [Work(prompt=p, masks=(AGAIN,)) for p in run.prepared.side("measurement")]
    joined = Joined(advance=run.clock.reporter.advance)
    with run.clock.stage("trials"):
        trials = run.sweep(
            _work(run.prepared, masks, parted, later),
            progress=joined.next(len({tuple(work.prompt.ids) for work in once_more})),
        )
        again = run.sweep(once_more, settings=_other_layout(run.settings), progress=joined.next(0))
    return (*trials, *again)


def _work(
    prepared: Prepared,
    masks: Sequence[Mask],
    parted: Sequence[tuple[Environment, Mask, Mask]],
    later: Callable[[Mask, str], bool],
) -> list[Work]:
    """Every set under the selected masks and those beside; the others on regular prompts only.

    Those of an environment on its own prompts.
    """
    plain = tuple(filter(on_every_set, masks))
    work = []
    for item in prepared.side("measurement"):
        name = item.prompt.set
        now = [m for m in (masks if name == "regular" else plain) if not later(m, name)]
        if name != "regular":
            work.append(Work(prompt=item, masks=tuple(now)))
            continue
        beside = [
            mask
            for environment, *pair in parted
            if getattr(item.prompt, environment.dimension) in environment.values
            for mask in pair
        ]
        work.append(Work(prompt=item, masks=(*now, *beside)))
    return work


def _other_layout(settings: SweepSettings) -> SweepSettings:
    """Batches of another size, computed anew: sums are taken in another order."""
    return replace(
        settings, base=f"{settings.base}|again", batch_rows=max(1, settings.batch_rows * 5 // 8)
    )


def useful_under(
    run: AuditRun, masks: Sequence[Mask], trials: Sequence[Trial]
) -> tuple[Usefulness, ...]:
    """The benign answers of the unmasked model, forced under each selected mask."""
    prepared, settings = run.prepared, run.settings
    if prepared.request.phase != "both":
        return ()
    answered = {
        t.prompt_id
        for t in trials
        if t.mask == UNMASKED.name and t.outcome == "comply" and t.tokens
    }
    prompts = [
        p
        for p in prepared.side("measurement")
        if p.prompt.set == "benign" and p.prompt.id in answered
    ]
    work = [Work(prompt=p, masks=(UNMASKED,)) for p in prompts]
    return usefulness(
        prepared.loaded,
        prompts,
        run.replies(work),
        [mask for mask in masks if mask.arm == "selected"],
        base=settings.base,
        batch_rows=settings.batch_rows,
        store=run.store,
        progress=run.clock.reporter.advance,
    )
