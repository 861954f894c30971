"""The measured half of an audit: every prompt under its masks, and what stands beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gatekeeper.audit.cumulative_progress import Joined
from gatekeeper.audit.evidence import Measured, assemble
from gatekeeper.audit.prepare import Prepared
from gatekeeper.audit.selection import Clock
from gatekeeper.audit.sequential import Looks, run_in_order, runs_to_watch, watched
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.generate.sweep import SweepCount, stored_replies, sweep
from gatekeeper.engine.measure.usefulness import usefulness
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.environment import Environment
from gatekeeper.records.trial import AGAIN, UNMASKED, Mask, Trial
from gatekeeper.records.usefulness import Usefulness


def with_trials(
    prepared: Prepared,
    found: Measured,
    parted: Sequence[tuple[Environment, Mask, Mask]],
    settings: SweepSettings,
    store: TrialStore,
    clock: Clock,
    looks: Looks | None,
) -> tuple[Measured, list[SweepCount]]:
    """What was found, with the trials under its masks; of some, only as many as it took."""
    masks = [m for m in found.masks if m.arm not in {"environment", "again"}]
    planned = {} if looks is None else runs_to_watch(assemble(prepared, found), looks)
    trials, count = run_trials(
        prepared, masks, parted, settings, store, clock, later=watched(planned)
    )
    found = replace(found, trials=trials)
    if looks is None or not planned:
        return found, [*count]
    with clock.stage("trials in order"):
        more, stops, counts = run_in_order(
            assemble(prepared, found),
            planned,
            prepared.side("measurement"),
            looks,
            lambda work, progress: sweep(
                prepared.loaded, work, settings, store, progress, crew=prepared.crew
            ),
            clock.reporter.advance,
        )
    return replace(found, trials=[*trials, *more], stops=stops), [*count, *counts]


def run_trials(
    prepared: Prepared,
    masks: Sequence[Mask],
    parted: Sequence[tuple[Environment, Mask, Mask]],
    settings: SweepSettings,
    store: TrialStore,
    clock: Clock,
    *,
    later: Callable[[Mask, str], bool] = lambda _mask, _set: False,
) -> tuple[list[Trial], tuple[SweepCount, SweepCount]]:
    """All masks, and the unmasked model once more in batches of another size.

    Args:
        later: (mask, set) that is left to `in_order`.
    """
    once_more = [Work(prompt=p, masks=(AGAIN,)) for p in prepared.side("measurement")]
    joined = Joined(advance=clock.reporter.advance)
    with clock.stage("trials"):
        trials, count = sweep(
            prepared.loaded,
            _work(prepared, masks, parted, later),
            settings,
            store,
            joined.next(len({tuple(work.prompt.ids) for work in once_more})),
            crew=prepared.crew,
        )
        second, again = sweep(
            prepared.loaded,
            once_more,
            _other_layout(settings),
            store,
            joined.next(0),
            crew=prepared.crew,
        )
    return [*trials, *second], (count, again)


def _work(
    prepared: Prepared,
    masks: Sequence[Mask],
    parted: Sequence[tuple[Environment, Mask, Mask]],
    later: Callable[[Mask, str], bool],
) -> list[Work]:
    """Every set under the selected masks and those beside; the others on regular prompts only.

    Those of an environment on its own prompts.
    """
    plain = tuple(m for m in masks if m.arm not in {"control", "dose"})
    work = []
    for item in prepared.side("measurement"):
        name = item.prompt.set
        now = [m for m in (masks if name == "regular" else plain) if not later(m, name)]
        if name != "regular":
            work.append(Work(prompt=item, masks=tuple(now)))
            continue
        own = [
            mask
            for environment, *pair in parted
            if getattr(item.prompt, environment.dimension) in environment.values
            for mask in pair
        ]
        work.append(Work(prompt=item, masks=(*now, *own)))
    return work


def _other_layout(settings: SweepSettings) -> SweepSettings:
    """Batches of another size, computed anew: sums are taken in another order."""
    return replace(
        settings, base=f"{settings.base}|again", batch_rows=max(1, settings.batch_rows * 5 // 8)
    )


def useful_under(
    prepared: Prepared,
    masks: Sequence[Mask],
    trials: Sequence[Trial],
    settings: SweepSettings,
    store: TrialStore,
    clock: Clock,
) -> tuple[Usefulness, ...]:
    """The benign answers of the unmasked model, forced under each selected mask."""
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
        stored_replies(work, settings, store),
        [mask for mask in masks if mask.arm == "selected"],
        base=settings.base,
        batch_rows=settings.batch_rows,
        store=store,
        progress=clock.reporter.advance,
    )
