"""Measures the selection split: replies, routing, attribution, and effects of masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gatekeeper import catalog
from gatekeeper.analysis.clusters import prompt_clusters
from gatekeeper.analysis.part_ranking import parts_of
from gatekeeper.audit.audit_run import AuditRun
from gatekeeper.audit.prepare import Prepared
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.row_plan import Work
from gatekeeper.engine.measure.attribute import FirstToken, TargetTokens, attribute, target_tokens
from gatekeeper.engine.measure.capture import capture
from gatekeeper.engine.measure.mask_effects import MeasuredEffect, chosen_rows
from gatekeeper.errors import AuditError, excerpt
from gatekeeper.evidence.profile_io import profile_from_bytes, profile_to_bytes
from gatekeeper.evidence.trial_store import STORE
from gatekeeper.records.digest import sha256
from gatekeeper.records.evidence import AuditSettings
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.reasoning import parts
from gatekeeper.records.suite import HARMFUL_SETS, Prompt
from gatekeeper.records.trial import UNMASKED, Trial

#: Stands for openings where there are none, beside no prompts.
_NOTHING = TargetTokens(refusal=(), compliance=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The selection split and how the unmasked model replied to it.

    Attributes:
        replies: token ids; `outcomes`: as judged.
        target: openings of refusals and compliance, or why there are none.
    """

    prompts: Sequence[Encoded]
    replies: Sequence[tuple[int, ...]]
    outcomes: Sequence[str]
    target: TargetTokens | str

    def refused(self, *sets: str) -> list[int]:
        """Places of the prompts of these sets that were refused."""
        return [
            i
            for i, p in enumerate(self.prompts)
            if p.prompt.set in sets and self.outcomes[i] == "refuse"
        ]


def selection_input(prepared: Prepared, profile: ActivationProfile) -> SelectionInput:
    """What selectors are given: the selection split and nothing else."""
    by_id = {e.prompt.id: e.prompt for e in prepared.encoded}
    prompts = [by_id[i] for i in profile.prompt_ids]
    clusters = prompt_clusters(prompts)
    request = prepared.request
    return SelectionInput(
        profile=profile,
        sets=np.array([p.set for p in prompts], dtype=np.str_),
        seeds=np.array([clusters[p.id] for p in prompts], dtype=np.str_),
        size=request.size,
        resamples=request.resamples,
        seed=request.seed,
        window=request.window,
        parts=parts_of(prompts),
    )


def selection_split(run: AuditRun) -> Split:
    """Runs the selection prompts unmasked and judges the replies."""
    prepared = run.prepared
    prompts = prepared.side("selection")
    with run.clock.stage("unmasked"):
        work = [Work(prompt=p, masks=(UNMASKED,)) for p in prompts]
        trials = run.sweep(work)
        if not prepared.reasons:
            _refuse_stray(prompts, trials, prepared.settings)
        replies = run.replies(work)
    outcome = {t.prompt_id: t.outcome for t in trials}
    outcomes = [outcome[p.prompt.id] for p in prompts]
    first = [
        FirstToken(token=reply[0], outcome=name, set=prompt.prompt.set, parts=_parts(prompt.prompt))
        for prompt, reply, name in zip(prompts, replies, outcomes, strict=True)
    ]
    thought = sum(_reasons(trial, prepared.settings) for trial in trials)
    target: TargetTokens | str = target_tokens(first)
    if thought:
        target = (
            f"{thought} of {len(trials)} unmasked replies begin with reasoning: their first token "
            "is not the decision; audit with --thinking off, if the template has that"
        )
    return Split(prompts=prompts, replies=replies, outcomes=outcomes, target=target)


def _refuse_stray(
    prompts: Sequence[Encoded], trials: Sequence[Trial], settings: AuditSettings
) -> None:
    """Refuses a model whose replies hold closing marks of reasoning that nothing tells of.

    Such a reply was cut at the window for replies, and before the mark it looks like one.

    Raises:
        AuditError: a reply to a regular prompt does.
    """
    regular = {p.prompt.id for p in prompts if p.prompt.set == "regular"}
    asked = [trial for trial in trials if trial.prompt_id in regular]
    marks = () if settings.reasoning is None else settings.reasoning.marks
    stray = sum(parts(trial.completion, marks).stray for trial in asked)
    if stray:
        raise AuditError(
            f"{stray} of {len(asked)} replies without a mask end reasoning with a closing mark "
            "alone, which neither the chat template nor the tokenizer knows",
            remedy="name the marks with --reasoning OPEN CLOSE, such as --reasoning '<think>' "
            "'</think>'",
        )


def _parts(prompt: Prompt) -> tuple[str, ...]:
    """The parts of the suite that a prompt is in, in words."""
    kinds = ("language", "category", "wrapper")
    return tuple(f"{kind} {excerpt(name)}" for kind in kinds if (name := getattr(prompt, kind)))


def _reasons(trial: Trial, settings: AuditSettings) -> bool:
    marks = () if settings.reasoning is None else settings.reasoning.marks
    pieces = parts(trial.completion, marks)
    return pieces.unfinished or pieces.blocks > 0


def make_profile(run: AuditRun, split: Split) -> ActivationProfile:
    """Profile of the selection split, with attribution if a selector needs it."""
    prepared, store = run.prepared, run.store
    attributed = any(selector_of(s).needs_attribution for s in prepared.request.selectors)
    identity = [(p.prompt.id, p.prompt.set, p.ids) for p in split.prompts]
    sets = HARMFUL_SETS if attributed else ()
    name = "profile " + sha256(f"{run.settings.base} {attributed} {sets} {identity}")
    stored = store.blob(name)
    if stored is not None:
        return _stored(prepared, stored)
    with run.clock.stage("profile"):
        profile = capture(
            prepared.loaded,
            prepared.request.description,
            split.prompts,
            split.replies,
            batch_rows=run.small_batch,
            progress=run.clock.reporter.advance,
        )
    if attributed:
        with run.clock.stage("attribution"):
            profile = _attributed(run, profile, split)
    return _stored(prepared, store.put_blob(name, profile_to_bytes(profile)))


def _stored(prepared: Prepared, data: bytes) -> ActivationProfile:
    sites, prompts = prepared.request.description.maskable_sites, len(prepared.encoded)
    return profile_from_bytes(data, where=STORE, sites=sites, prompts=prompts)


def _attributed(run: AuditRun, profile: ActivationProfile, split: Split) -> ActivationProfile:
    target = split.target
    if isinstance(target, str):
        return replace(profile, attribution_note=target)
    scores = attribute(
        run.prepared.loaded,
        split.prompts,
        split.refused(*HARMFUL_SETS),
        target,
        batch_rows=run.small_batch,
        progress=run.clock.reporter.advance,
    )
    return replace(profile, attribution=scores, attribution_note=_openings_note(target, split))


def _openings_note(target: TargetTokens, split: Split) -> str:
    return (
        f"Refusal log-odds: {len(target.refusal)} opening tokens of refusals against "
        f"{len(target.compliance)} of compliance, read from {len(split.prompts)} judged replies."
    )


def make_measure(run: AuditRun, split: Split) -> MeasuredEffect:
    """What selectors that measure are handed; it may say that nothing can be measured."""
    prepared, settings = run.prepared, run.settings
    known = not isinstance(split.target, str)
    chosen = {name: _chosen(prepared, split, name) if known else [] for name in HARMFUL_SETS}
    rows = np.array(sorted(row for places in chosen.values() for row in places), dtype=np.intp)
    note = split.target if isinstance(split.target, str) else _openings_note(split.target, split)
    if known and not len(rows):
        note = "no harmful prompt of the selection split was refused"
    counted = " and ".join(f"{len(places)} refused {name}" for name, places in chosen.items())
    return MeasuredEffect(
        loaded=prepared.loaded,
        store=run.store,
        reporter=run.clock.reporter,
        prompts=[split.prompts[i] for i in rows],
        rows=rows,
        target=_NOTHING if isinstance(split.target, str) else split.target,
        base=settings.base,
        batch_rows=settings.batch_rows,
        share_prefix=settings.techniques.share_prefix,
        note=f"{note} Measured under reroute on {counted} prompts." if len(rows) else note,
    )


def _chosen(prepared: Prepared, split: Split, name: str) -> list[int]:
    """Places of the refused prompts of a set that effects are measured on."""
    refused = split.refused(name)
    seeds = [split.prompts[i].prompt.seed_id for i in refused]
    parts = [_parts(split.prompts[i].prompt) for i in refused]
    rows: list[int] = chosen_rows(refused, seeds, prepared.request.seed, parts=parts).tolist()
    return rows


def selector_of(name: str) -> Selector:
    """The selector of a name.

    Raises:
        UsageError: there is none.
    """
    selector: Selector = catalog.load("selector", name)
    return selector
