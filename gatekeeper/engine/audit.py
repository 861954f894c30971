"""One audit, from a checkpoint to evidence: the order of the steps and nothing else."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from gatekeeper import catalog
from gatekeeper.analysis.clusters import prompt_clusters
from gatekeeper.analysis.masks import control_masks, selected_masks
from gatekeeper.engine.assemble import assemble
from gatekeeper.engine.attribute import FirstToken, attribute, first_tokens, openings
from gatekeeper.engine.batching import Encoded
from gatekeeper.engine.capture import capture
from gatekeeper.engine.prepare import (
    AuditRequest,
    Prepared,
    Reporter,
    prepare,
    refuse_dense,
    sha256,
)
from gatekeeper.engine.refusals import refuse_unauditable
from gatekeeper.engine.sweep import SweepCount, SweepSettings, Work, stored_replies, sweep
from gatekeeper.evidence.profile_io import profile_from_bytes, profile_to_bytes
from gatekeeper.evidence.trial_store import STORE, TrialStore
from gatekeeper.records.evidence import Evidence, RunTimes
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.selection import Selection
from gatekeeper.records.trial import UNMASKED, Mask, Trial


def run_audit(request: AuditRequest, work_dir: Path, reporter: Reporter) -> Evidence:
    """Carries out an audit; resumes from `work_dir` what an earlier one left there.

    Returns:
        Evidence without findings and digest: those are made from it by the caller.

    Raises:
        CheckpointError, UsageError, SelfTestError, AuditError: see the parts.
    """
    refuse_dense(request)
    refuse_unauditable(request.checkpoint)
    started = datetime.now(UTC)
    with TrialStore(work_dir / STORE) as store:
        clock = _Clock(store, reporter)
        with clock.stage("load"):
            prepared = prepare(request, reporter, work_dir)
        sweep_settings = _sweep_settings(prepared)
        profile, first = _profile(prepared, sweep_settings, store, clock)
        with clock.stage("select"):
            selections, skipped = _select(prepared, profile)
            masks = _masks(prepared, profile, selections)
        with clock.stage("trials"):
            trials, count = sweep(
                prepared.loaded, _work(prepared, masks), sweep_settings, store, reporter.advance
            )
        times = RunTimes(
            started=started,
            finished=datetime.now(UTC),
            host=platform.node(),
            seconds=store.seconds(),
            rows_computed=count.computed + first.computed,
            rows_resumed=count.resumed + first.resumed,
        )
    return assemble(prepared, profile, selections, skipped, masks, trials, times)


@dataclass(frozen=True, slots=True)
class _Clock:
    store: TrialStore
    reporter: Reporter

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage, also one that is cut short."""
        self.reporter.stage(name)
        begun = time.monotonic()
        try:
            yield
        finally:
            self.store.add_seconds(name, time.monotonic() - begun)


def _sweep_settings(prepared: Prepared) -> SweepSettings:
    request, settings = prepared.request, prepared.settings
    base = "|".join(
        (
            prepared.reference.digest,
            settings.dtype,
            settings.device,
            f"{settings.batch_rows}/{settings.max_new_tokens}",
            f"{settings.judge}/{settings.judge_version}",
            ",".join(f"{k}={v}" for k, v in sorted(settings.versions.items())),
        )
    )
    return SweepSettings(
        base=base,
        new_tokens=request.max_new_tokens,
        batch_rows=request.batch_rows,
        judge=prepared.judge,
        share_prefix=all(c.passed for c in prepared.checks if c.name == "prefix"),
    )


def _profile(
    prepared: Prepared, settings: SweepSettings, store: TrialStore, clock: _Clock
) -> tuple[ActivationProfile, SweepCount]:
    """Profile of the selection split, with attribution if a selector needs it."""
    prompts = prepared.side("selection")
    reporter = clock.reporter
    with clock.stage("unmasked"):
        work = [Work(prompt=p, masks=(UNMASKED,)) for p in prompts]
        trials, count = sweep(prepared.loaded, work, settings, store, reporter.advance)
        replies = stored_replies(work, settings, store)
    attributed = any(_selector(s).needs_attribution for s in prepared.request.selectors)
    given = [(p.prompt.id, p.prompt.set, p.ids) for p in prompts]
    name = "profile " + sha256(f"{settings.base} {attributed} {given}")
    kept = store.blob(name)
    if kept is not None:
        return profile_from_bytes(kept, where=STORE), count
    with clock.stage("profile"):
        size = _small_batch(prepared)
        profile = capture(
            prepared.loaded, prepared.request.description, prompts, replies, batch_rows=size
        )
    if attributed:
        with clock.stage("attribution"):
            profile = _attributed(prepared, profile, prompts, trials)
    store.put_blob(name, profile_to_bytes(profile))
    return profile, count


def _small_batch(prepared: Prepared) -> int:
    """Rows for whole prompts: less padding than in the sweep, and a gradient keeps activations."""
    return max(1, prepared.request.batch_rows // 8)


def _attributed(
    prepared: Prepared,
    profile: ActivationProfile,
    prompts: Sequence[Encoded],
    trials: Sequence[Trial],
) -> ActivationProfile:
    loaded, size = prepared.loaded, _small_batch(prepared)
    outcome = {t.prompt_id: t.outcome for t in trials}
    tokens = first_tokens(loaded, prompts, batch_rows=size)
    replies = [FirstToken(token=tokens[i], outcome=outcome[i]) for i in tokens]
    target = openings(replies)
    if isinstance(target, str):
        return replace(profile, attribution_note=target)
    rows = [
        i
        for i, p in enumerate(prompts)
        if p.prompt.set == "regular" and outcome[p.prompt.id] == "refuse"
    ]
    note = (
        f"Refusal log-odds: {len(target.refusal)} opening tokens of refusals against "
        f"{len(target.compliance)} of compliance, read from {len(replies)} judged replies."
    )
    scores = attribute(loaded, prompts, rows, target, batch_rows=size)
    return replace(profile, attribution=scores, attribution_note=note)


def _selector(name: str) -> Selector:
    selector: Selector = catalog.load("selector", name)
    return selector


def _select(
    prepared: Prepared, profile: ActivationProfile
) -> tuple[tuple[Selection, ...], dict[str, str]]:
    """Selections, and the reasons of those that could not be made."""
    by_id = {e.prompt.id: e.prompt for e in prepared.encoded}
    prompts = [by_id[i] for i in profile.prompt_ids]
    clusters = prompt_clusters(prompts)
    given = SelectionInput(
        profile=profile,
        sets=np.array([p.set for p in prompts], dtype=np.str_),
        seeds=np.array([clusters[p.id] for p in prompts], dtype=np.str_),
        size=max(prepared.request.ks),
        resamples=prepared.request.resamples,
        seed=prepared.request.seed,
    )
    selections, skipped = [], {}
    for name in prepared.request.selectors:
        outcome = _selector(name).select(given)
        if isinstance(outcome, str):
            skipped[name] = outcome
        else:
            selections.append(outcome)
    return tuple(selections), skipped


def _masks(
    prepared: Prepared, profile: ActivationProfile, selections: Sequence[Selection]
) -> tuple[Mask, ...]:
    """Unmasked first, then each selector's nested masks, then the controls matched to them."""
    if not selections:  # maybe of no prompts at all, of which there is no mean
        return (UNMASKED,)
    request = prepared.request
    regular = {e.prompt.id for e in prepared.encoded if e.prompt.set == "regular"}
    rows = np.flatnonzero([i in regular for i in profile.prompt_ids])
    frequency = profile.frequency("prompt", rows).mean(axis=0)
    selected = [m for s in selections for m in selected_masks(s, request.ks)]
    controls = [
        mask
        for s in selections
        for mask in control_masks(
            s, request.ks, frequency, profile.sites, count=request.controls, seed=request.seed
        )
    ]
    masked = (
        replace(mask, mode=request.mode, phase=request.phase) for mask in (*selected, *controls)
    )
    return (UNMASKED, *masked)


def _work(prepared: Prepared, masks: Sequence[Mask]) -> list[Work]:
    """Every set under the selected masks; the controls on regular prompts only."""
    plain = tuple(m for m in masks if m.arm != "control")
    return [
        Work(prompt=p, masks=tuple(masks) if p.prompt.set == "regular" else plain)
        for p in prepared.side("measurement")
    ]
