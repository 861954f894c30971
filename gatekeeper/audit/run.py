"""One audit, from a checkpoint to evidence: the order of the steps and nothing else."""

from __future__ import annotations

import importlib.util
import json
import platform
import secrets
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from gatekeeper import catalog
from gatekeeper.analysis.changes import part_changes
from gatekeeper.analysis.clusters import prompt_clusters
from gatekeeper.analysis.comparison_masks import cause_masks
from gatekeeper.analysis.environments import environment_arms, environment_masks, environments
from gatekeeper.analysis.folds import pool
from gatekeeper.analysis.planned_masks import planned_masks
from gatekeeper.analysis.roles import MOST
from gatekeeper.audit.audit_run import AuditRun, Clock
from gatekeeper.audit.evidence import assemble
from gatekeeper.audit.executors import open_executor
from gatekeeper.audit.positive_control import with_positive_control
from gatekeeper.audit.prepare import Prepared, prepare
from gatekeeper.audit.request import AuditRequest, refuse_dense
from gatekeeper.audit.roles import find_roles
from gatekeeper.audit.second_judge import judged_twice
from gatekeeper.audit.selection import (
    Split,
    make_measure,
    make_profile,
    selection_input,
    selection_split,
    selector_of,
)
from gatekeeper.audit.sequential import StoppingRule
from gatekeeper.audit.trials import useful_under, with_trials
from gatekeeper.audit.variants import refuse_long_variants, usual_changes, variants, vary
from gatekeeper.engine.measure.mask_effects import MeasuredEffect
from gatekeeper.engine.model.unsupported import refuse_unauditable
from gatekeeper.engine.progress import Reporter
from gatekeeper.engine.torchrun.ranks import Ranks
from gatekeeper.engine.torchrun.shared_store import open_store
from gatekeeper.evidence.trial_store import STORE
from gatekeeper.evidence.wire_roles import roles_from_json, roles_to_json
from gatekeeper.evidence.wire_selection import selection_to_json
from gatekeeper.records.digest import sha256
from gatekeeper.records.environment import DIMENSIONS, Change, Environment
from gatekeeper.records.evidence import NOT_ASKED, Evidence, RunTimes
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.role import Roles
from gatekeeper.records.selection import Selection
from gatekeeper.records.trial import AGAIN
from gatekeeper.records.trials import packed


def run_audit(
    request: AuditRequest,
    work_dir: Path,
    reporter: Reporter,
    looks: StoppingRule | None = None,
    ranks: Ranks | None = None,
) -> Evidence:
    """Carries out an audit; resumes from `work_dir` what an earlier one left there.

    Args:
        looks: what may end the runs of masks early (`audit.sequential`); not under cross-fitting.
        ranks: this process among those that hold the model. All carry out the audit; what rank 0
            returns is the evidence, and on others it lacks times and the second judge.

    Returns:
        Evidence without findings and digest: those are made from it by the caller.

    Raises:
        CheckpointError, UsageError, SelfTestError, AuditError: see the parts.
    """
    refuse_dense(request)
    refuse_unauditable(request.checkpoint)
    started = datetime.now(UTC)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(work_dir / STORE, name_of(request), ranks))
        clock = Clock(store, reporter)
        with clock.stage("load"):
            prepared = prepare(request, reporter, work_dir, store)
            if ranks is not None:
                ranks.agree("plans", prepared.facts())
        refuse_long_variants(prepared)
        executor = stack.enter_context(closing(open_executor(prepared)))
        prepared = replace(prepared, executor=executor)
        run = AuditRun(prepared=prepared, store=store, clock=clock)
        sides = run.halves() if request.cross_fit else [run]
        halves = [_measured(side, looks) for side in sides]
        usual = [usual_changes(side.prepared, e) for side, e in zip(sides, halves, strict=True)]
        for variant in variants(prepared, work_dir, clock):
            halves = [
                vary(side, e, variant, chance)
                for side, e, chance in zip(sides, halves, usual, strict=True)
            ]
        evidence = pool(*halves) if request.cross_fit else halves[0]
        if prepared.second is not None and (ranks is None or ranks.rank == 0):
            with clock.stage("second judge"):
                evidence = judged_twice(evidence, request.suite, prepared.second)
        times = RunTimes(
            started=started,
            finished=datetime.now(UTC),
            host=platform.node(),
            seconds=store.seconds(),
            rows_computed=run.rows["computed"],
            rows_resumed=run.rows["resumed"],
            secret=secrets.token_hex(32),
        )
    cautions = (*request.checkpoint.cautions, *prepared.loaded.cautions)
    return replace(evidence, trials=packed(evidence.trials), times=times, cautions=cautions)


def name_of(request: AuditRequest) -> str:
    """Tells the audits that share a store apart: a digest of all that was asked for."""
    apart = {"checkpoint", "description", "suite", "judge_options", "execution"}
    chosen = {f.name: getattr(request, f.name) for f in fields(request) if f.name not in apart}
    where = replace(request.execution, workers=1, ray=None, gpu_hour_cost=None)
    options = sorted(request.judge_options.items())
    source = str(request.checkpoint.path.resolve())
    return sha256(f"{source} {request.suite.digest} {options} {chosen} {where}")


def _measured(run: AuditRun, looks: StoppingRule | None) -> Evidence:
    """Selects on one side of the split and measures on the other."""
    prepared, request = run.prepared, run.prepared.request
    split = selection_split(run)
    profile = make_profile(run, split)
    measure = make_measure(run, split)
    with run.clock.stage("select"):
        inputs = selection_input(prepared, profile)
        selections, skipped = _select(prepared, inputs, measure)
        selected_in, changes = _environments(prepared, inputs)
        masks = planned_masks(request, profile, inputs.sets, selections)
        parted = environment_masks(selected_in, mode=request.mode, phase=request.phase)
    roles = _roles(run, split, profile, selections, measure)
    if not request.cross_fit:  # whose second fold is told no roles, and would lack them
        masks += cause_masks(roles, request.ks, mode=request.mode, phase=request.phase)
    arms = environment_arms(selected_in, mode=request.mode, phase=request.phase)
    evidence = assemble(
        prepared,
        profile,
        selections=selections,
        skipped_selectors=skipped,
        masks=(*masks, *arms, AGAIN),
        roles=roles,
        environments=selected_in,
        changes=changes,
    )
    evidence = with_trials(run, evidence, parted, looks)
    evidence = with_positive_control(run, evidence, split)
    with run.clock.stage("usefulness"):
        return replace(evidence, usefulness=useful_under(run, masks, evidence.trials))


def _environments(
    prepared: Prepared, inputs: SelectionInput
) -> tuple[tuple[Environment, ...], tuple[Change, ...]]:
    """Selections from parts of the split, if asked for, by selectors that only read the profile."""
    if not prepared.request.environments:
        return (), ()
    by_id = {e.prompt.id: e.prompt for e in prepared.encoded}
    prompts = [by_id[i] for i in inputs.profile.prompt_ids]
    wanted = [s for name in prepared.request.selectors if not (s := selector_of(name)).measures]
    values = {
        name: np.array([getattr(p, name) for p in prompts], dtype=np.str_) for name in DIMENSIONS
    }
    return environments(inputs, values, wanted), part_changes(inputs, values, wanted)


def _select(
    prepared: Prepared, inputs: SelectionInput, measure: MeasuredEffect
) -> tuple[tuple[Selection, ...], dict[str, str]]:
    """Selections, and the reasons of those that could not be made.

    Selectors that measure come last: they are given what the others found.
    """
    request = prepared.request
    by_selector: dict[str, Selection | str] = {}
    wanted = [selector_of(name) for name in request.selectors]
    for selector in (s for s in wanted if not s.measures):
        by_selector[selector.id] = selector.select(inputs)
    if any(s.measures for s in wanted):
        shortlist = {s.id: by_selector.get(s.id) or s.select(inputs) for s in _shortlisting()}
        others = tuple(s for s in shortlist.values() if isinstance(s, Selection))
        inputs = replace(inputs, others=others, measure=measure, budget=request.budget)
    for selector in (s for s in wanted if s.measures):
        by_selector[selector.id] = selector.select(inputs)
    selections = [by_selector[s.id] for s in wanted]
    skipped = {s.id: text for s in wanted if isinstance(text := by_selector[s.id], str)}
    return tuple(s for s in selections if isinstance(s, Selection)), skipped


def _shortlisting() -> list[Selector]:
    """All selectors that only read the profile: a shortlist is of all, whichever are asked for."""
    return [s for name in catalog.names("selector") if not (s := selector_of(name)).measures]


def _roles(
    run: AuditRun,
    split: Split,
    profile: ActivationProfile,
    selections: Sequence[Selection],
    measure: MeasuredEffect,
) -> Roles | str | None:
    """Roles of the experts selected first, or why there are none; stored for a resumed audit."""
    prepared, store = run.prepared, run.store
    if not prepared.request.roles:
        return NOT_ASKED
    if importlib.util.find_spec("sklearn") is None:
        return "scikit-learn is not installed: pip install 'moe-gatekeeper[audit]'"
    prompts = [p for p in split.prompts if p.prompt.set in {"regular", "benign"}]
    measure = measure.of_set("regular")
    clusters = prompt_clusters([p.prompt for p in prompts])
    identity = [
        (p.prompt.id, p.prompt.set, p.prompt.category, clusters[p.prompt.id], p.ids)
        for p in prompts
    ]
    rest = (measure.rows.tolist(), measure.target, prepared.request.seed, MOST)
    rankings = [selection_to_json(selection) for selection in selections]
    name = "roles " + sha256(f"{measure.base} {identity} {rest} {rankings}")
    stored = store.blob(name)
    if stored is not None:
        return roles_from_json(json.loads(stored))
    with run.clock.stage("roles"):
        roles = find_roles(
            prepared.loaded,
            prompts,
            [p.prompt.category for p in prompts],
            [clusters[p.prompt.id] for p in prompts],
            selections,
            measure,
            profile,
            most=MOST,
            batch_rows=run.small_batch,
            seed=prepared.request.seed,
        )
    stored = store.put_blob(name, json.dumps(roles_to_json(roles)).encode())
    return roles_from_json(json.loads(stored))
