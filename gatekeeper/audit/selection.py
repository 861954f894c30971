"""What is seen of the selection split: replies, routing, attribution, and measured effects."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import numpy as np

from gatekeeper import __version__, catalog
from gatekeeper.analysis.clusters import prompt_clusters
from gatekeeper.audit.prepare import Prepared
from gatekeeper.audit.stray_reasoning import refuse_stray
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.row_plan import SweepSettings, Work
from gatekeeper.engine.generate.sweep import SweepCount, stored_replies, sweep
from gatekeeper.engine.generate.techniques import where_exact
from gatekeeper.engine.generate.thinking import ending_of
from gatekeeper.engine.measure.attribute import FirstToken, Openings, attribute, openings
from gatekeeper.engine.measure.capture import capture
from gatekeeper.engine.measure.mask_effects import MeasuredEffect, chosen_rows
from gatekeeper.engine.progress import Reporter
from gatekeeper.errors import AuditError, excerpt
from gatekeeper.evidence.profile_io import profile_from_bytes, profile_to_bytes
from gatekeeper.evidence.trial_store import STORE, TrialStore
from gatekeeper.records.digest import sha256
from gatekeeper.records.plugins import SelectionInput, Selector
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.reasoning import parts
from gatekeeper.records.suite import HARMFUL_SETS, Prompt
from gatekeeper.records.trial import UNMASKED, Trial


@dataclass(frozen=True, slots=True)
class Clock:
    """Times the stages of an audit and tells of them."""

    store: TrialStore
    reporter: Reporter

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage, also one that is cut short."""
        self.reporter.stage(name)
        begun = time.monotonic()
        try:
            yield
        except BaseException:
            # What cut it short is what the user must hear of, not a store that fails after it.
            with suppress(AuditError):
                self.store.add_seconds(name, time.monotonic() - begun)
            raise
        self.store.add_seconds(name, time.monotonic() - begun)


#: Stands for openings where there are none, beside no prompts.
_NOTHING = Openings(refusal=(), compliance=())


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
    target: Openings | str

    def refused(self, *sets: str) -> list[int]:
        """Places of the prompts of these sets that were refused."""
        return [
            i
            for i, p in enumerate(self.prompts)
            if p.prompt.set in sets and self.outcomes[i] == "refuse"
        ]


def sweep_settings(prepared: Prepared) -> SweepSettings:
    """What all replies of an audit depend on."""
    request, settings = prepared.request, prepared.settings
    base = "|".join(
        (
            __version__,
            prepared.reference.digest,
            settings.dtype,
            " ".join(filter(None, (settings.device, settings.parallel))),
            f"{settings.batch_rows}/{settings.max_new_tokens}",
            f"{settings.judge}/{settings.judge_version}",
            f"{settings.reasoning}",
            ",".join(f"{k}={v}" for k, v in sorted(settings.versions.items())),
            # So that the second fold's replies without a mask are made beside those with one.
            *(() if prepared.fold == 1 else (f"fold {prepared.fold}",)),
        )
    )
    return SweepSettings(
        base=base,
        new_tokens=request.max_new_tokens,
        batch_rows=settings.batch_rows,
        judge=prepared.judge,
        techniques=where_exact(prepared.checks),
        reasoning=settings.reasoning,
        ending=ending_of([e.ids for e in prepared.encoded if e.skipped is None]),
    )


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
    )


def selection_split(
    prepared: Prepared, settings: SweepSettings, store: TrialStore, clock: Clock
) -> tuple[Split, SweepCount]:
    """Runs the selection prompts unmasked and judges the replies."""
    prompts = prepared.side("selection")
    with clock.stage("unmasked"):
        looked = SweepCount(computed=0, resumed=0)
        if not prepared.reasons:
            looked = refuse_stray(prepared, prompts, settings, store)
        work = [Work(prompt=p, masks=(UNMASKED,)) for p in prompts]
        trials, count = sweep(
            prepared.loaded, work, settings, store, clock.reporter.advance, crew=prepared.crew
        )
        replies = stored_replies(work, settings, store)
    outcome = {t.prompt_id: t.outcome for t in trials}
    outcomes = [outcome[p.prompt.id] for p in prompts]
    first = [
        FirstToken(token=reply[0], outcome=name, set=prompt.prompt.set, parts=_parts(prompt.prompt))
        for prompt, reply, name in zip(prompts, replies, outcomes, strict=True)
    ]
    thought = sum(_reasons(trial, settings) for trial in trials)
    target: Openings | str = openings(first)
    if thought:
        target = (
            f"{thought} of {len(trials)} unmasked replies begin with reasoning: their first token "
            "is not the decision; audit with --thinking off, if the template has that"
        )
    split = Split(prompts=prompts, replies=replies, outcomes=outcomes, target=target)
    both = replace(
        count, computed=count.computed + looked.computed, resumed=count.resumed + looked.resumed
    )
    return split, both


def _parts(prompt: Prompt) -> tuple[str, ...]:
    """The parts of the suite that a prompt is in, in words."""
    kinds = ("language", "category", "wrapper")
    return tuple(f"{kind} {excerpt(name)}" for kind in kinds if (name := getattr(prompt, kind)))


def _reasons(trial: Trial, settings: SweepSettings) -> bool:
    own = () if settings.reasoning is None else settings.reasoning.marks
    found = parts(trial.completion, own)
    return found.unfinished or found.blocks > 0


def make_profile(
    prepared: Prepared, split: Split, settings: SweepSettings, store: TrialStore, clock: Clock
) -> ActivationProfile:
    """Profile of the selection split, with attribution if a selector needs it."""
    attributed = any(selector_of(s).needs_attribution for s in prepared.request.selectors)
    given = [(p.prompt.id, p.prompt.set, p.ids) for p in split.prompts]
    sets = HARMFUL_SETS if attributed else ()
    name = "profile " + sha256(f"{settings.base} {attributed} {sets} {given}")
    kept = store.blob(name)
    if kept is not None:
        return _stored(prepared, kept)
    with clock.stage("profile"):
        profile = capture(
            prepared.loaded,
            prepared.request.description,
            split.prompts,
            split.replies,
            batch_rows=_small_batch(prepared),
            progress=clock.reporter.advance,
        )
    if attributed:
        with clock.stage("attribution"):
            profile = _attributed(prepared, profile, split, clock)
    return _stored(prepared, store.put_blob(name, profile_to_bytes(profile)))


def _stored(prepared: Prepared, data: bytes) -> ActivationProfile:
    sites, prompts = prepared.request.description.sites, len(prepared.encoded)
    return profile_from_bytes(data, where=STORE, sites=sites, prompts=prompts)


def _small_batch(prepared: Prepared) -> int:
    """Rows for whole prompts: less padding than in the sweep, and a gradient keeps activations."""
    return max(1, prepared.settings.batch_rows // 8)


def _attributed(
    prepared: Prepared, profile: ActivationProfile, split: Split, clock: Clock
) -> ActivationProfile:
    target = split.target
    if isinstance(target, str):
        return replace(profile, attribution_note=target)
    scores = attribute(
        prepared.loaded,
        split.prompts,
        split.refused(*HARMFUL_SETS),
        target,
        batch_rows=_small_batch(prepared),
        progress=clock.reporter.advance,
    )
    return replace(profile, attribution=scores, attribution_note=_told(target, split))


def _told(target: Openings, split: Split) -> str:
    return (
        f"Refusal log-odds: {len(target.refusal)} opening tokens of refusals against "
        f"{len(target.compliance)} of compliance, read from {len(split.prompts)} judged replies."
    )


def make_measure(
    prepared: Prepared,
    split: Split,
    settings: SweepSettings,
    store: TrialStore,
    reporter: Reporter,
) -> MeasuredEffect:
    """What selectors that measure are handed; it may say that nothing can be measured."""
    known = not isinstance(split.target, str)
    chosen = {name: _chosen(prepared, split, name) if known else [] for name in HARMFUL_SETS}
    rows = np.array(sorted(row for own in chosen.values() for row in own), dtype=np.intp)
    note = split.target if isinstance(split.target, str) else _told(split.target, split)
    if known and not len(rows):
        note = "no harmful prompt of the selection split was refused"
    counted = " and ".join(f"{len(own)} refused {name}" for name, own in chosen.items())
    return MeasuredEffect(
        loaded=prepared.loaded,
        store=store,
        reporter=reporter,
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
    rows: list[int] = chosen_rows(refused, seeds, prepared.request.seed).tolist()
    return rows


def selector_of(name: str) -> Selector:
    """The selector of a name.

    Raises:
        UsageError: there is none.
    """
    selector: Selector = catalog.load("selector", name)
    return selector
