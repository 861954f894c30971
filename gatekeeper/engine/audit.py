"""One audit, from a checkpoint to evidence: the order of the steps and nothing else."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from gatekeeper import __version__, catalog
from gatekeeper.analysis.masks import control_masks, selected_masks
from gatekeeper.engine.attribute import FirstToken, attribute, first_tokens, openings
from gatekeeper.engine.batching import Encoded, encode
from gatekeeper.engine.capture import capture
from gatekeeper.engine.checkpoint import Checkpoint
from gatekeeper.engine.load import LoadedModel, load_model, pick_device, pick_dtype
from gatekeeper.engine.self_test import self_test
from gatekeeper.engine.sweep import SweepCount, SweepSettings, Work, sweep
from gatekeeper.errors import AuditError, UsageError
from gatekeeper.evidence.profile_io import profile_from_bytes, profile_to_bytes
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.evidence import (
    AuditSettings,
    Evidence,
    PromptRef,
    RunTimes,
    SelfTestCheck,
    SuiteRef,
)
from gatekeeper.records.model import CheckpointRef, ModelDescription
from gatekeeper.records.plugins import Judge, SelectionInput, Selector
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.selection import Selection
from gatekeeper.records.suite import Suite
from gatekeeper.records.trial import UNMASKED, Mask, Trial
from gatekeeper.suites.split import limit, split_seeds

_VERSIONS_OF = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy")


class Reporter(Protocol):
    """Where progress goes; implemented by the commands."""

    def stage(self, name: str) -> None:
        """A new stage has begun."""

    def advance(self, done: int, total: int) -> None:
        """Units done of the stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit and how.

    Attributes:
        resamples: resamples per selector; `seed` makes splits, resamples and controls.
        selection_share: share of seeds that select; the others measure.
    """

    checkpoint: Checkpoint
    description: ModelDescription
    suite: Suite
    selectors: tuple[str, ...]
    ks: tuple[int, ...]
    controls: int
    judge: str
    max_prompts: int | None
    max_new_tokens: int
    batch_rows: int
    resamples: int
    selection_share: float
    seed: int
    device: str
    dtype: str
    system_prompt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """The model and the prompts, ready to run."""

    request: AuditRequest
    reference: CheckpointRef
    loaded: LoadedModel
    judge: Judge
    encoded: tuple[Encoded, ...]
    split: dict[str, str]
    checks: tuple[SelfTestCheck, ...]
    settings: AuditSettings

    def side(self, name: str) -> list[Encoded]:
        """Usable prompts of a side of the split."""
        return [
            e for e in self.encoded if e.skipped is None and self.split[e.prompt.seed_id] == name
        ]


def run_audit(request: AuditRequest, work_dir: Path, reporter: Reporter) -> Evidence:
    """Carries out an audit; resumes from `work_dir` what an earlier one left there.

    Returns:
        Evidence without findings and digest: those are made from it by the caller.

    Raises:
        CheckpointError, UsageError, SelfTestError, AuditError: see the parts.
    """
    if not request.description.is_moe:
        raise AuditError(
            "a dense model: no routed experts to audit",
            where=request.checkpoint.source,
            remedy="Gatekeeper's question does not arise; see `gatekeeper inspect`",
        )
    started = datetime.now(UTC)
    with TrialStore(work_dir / "trials.sqlite") as store:
        clock = _Clock(store, reporter)
        with clock.stage("load"):
            prepared = _prepare(request, reporter)
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
    return _evidence(prepared, profile, selections, skipped, masks, trials, times)


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


def _prepare(request: AuditRequest, reporter: Reporter) -> _Prepared:
    judge: Judge = catalog.load("judge", request.judge)
    reference = request.checkpoint.reference(reporter.advance)
    device = pick_device(request.device)
    dtype = pick_dtype(request.dtype, device, request.description.dtype)
    loaded = load_model(request.checkpoint.path, request.description, device=device, dtype=dtype)
    prompts = limit(request.suite.prompts, request.max_prompts, request.seed)
    encoded = encode(loaded, prompts, request.system_prompt, request.max_new_tokens)
    usable = [e for e in encoded if e.skipped is None]
    if not any(e.prompt.set == "regular" for e in usable):
        raise UsageError(
            "no usable prompt of the set 'regular'"
            + (f": all {len(encoded)} prompts exceed the context" if not usable else ""),
            where=request.suite.id,
            remedy="give a suite with regular prompts that fit the model's context",
        )
    return _Prepared(
        request=request,
        reference=reference,
        loaded=loaded,
        judge=judge,
        encoded=tuple(encoded),
        split=dict(split_seeds([e.prompt for e in usable], request.selection_share, request.seed)),
        checks=self_test(loaded, usable),
        settings=_settings(request, judge, loaded),
    )


def _settings(request: AuditRequest, judge: Judge, loaded: LoadedModel) -> AuditSettings:
    system = request.system_prompt
    template = str(loaded.tokenizer.chat_template)
    versions = {name: importlib.metadata.version(name) for name in _VERSIONS_OF}
    return AuditSettings(
        selectors=request.selectors,
        ks=request.ks,
        controls=request.controls,
        mode="reroute",
        judge=judge.id,
        judge_version=judge.version,
        max_new_tokens=request.max_new_tokens,
        batch_rows=request.batch_rows,
        dtype=str(loaded.dtype).removeprefix("torch."),
        device=loaded.device.type,
        seed=request.seed,
        selection_share=request.selection_share,
        max_prompts=request.max_prompts,
        system_prompt_sha256=None if system is None else _sha256(system),
        chat_template_sha256=_sha256(template),
        versions={"python": platform.python_version(), **versions},
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sweep_settings(prepared: _Prepared) -> SweepSettings:
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
    prepared: _Prepared, settings: SweepSettings, store: TrialStore, clock: _Clock
) -> tuple[ActivationProfile, SweepCount]:
    """Profile of the selection split, with attribution if a selector needs it."""
    prompts = prepared.side("selection")
    reporter = clock.reporter
    with clock.stage("unmasked"):
        work = [Work(prompt=p, masks=(UNMASKED,)) for p in prompts]
        trials, count = sweep(prepared.loaded, work, settings, store, reporter.advance)
    name = "profile " + _sha256(settings.base + "".join(str(p.ids) for p in prompts))
    kept = store.blob(name)
    if kept is not None:
        return profile_from_bytes(kept, where="trials.sqlite"), count
    with clock.stage("profile"):
        rows = prepared.request.batch_rows
        profile = capture(prepared.loaded, prepared.request.description, prompts, batch_rows=rows)
    if any(_selector(s).needs_attribution for s in prepared.request.selectors):
        with clock.stage("attribution"):
            profile = _attributed(prepared, profile, prompts, trials)
    store.put_blob(name, profile_to_bytes(profile))
    return profile, count


def _attributed(
    prepared: _Prepared,
    profile: ActivationProfile,
    prompts: Sequence[Encoded],
    trials: Sequence[Trial],
) -> ActivationProfile:
    loaded, size = prepared.loaded, prepared.request.batch_rows
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
    # A gradient keeps all activations: smaller batches than the sweep's.
    scores = attribute(loaded, prompts, rows, target, batch_rows=max(1, size // 8))
    return replace(profile, attribution=scores, attribution_note=note)


def _selector(name: str) -> Selector:
    selector: Selector = catalog.load("selector", name)
    return selector


def _select(
    prepared: _Prepared, profile: ActivationProfile
) -> tuple[tuple[Selection, ...], dict[str, str]]:
    """Selections, and the reasons of those that could not be made."""
    by_id = {e.prompt.id: e.prompt for e in prepared.encoded}
    prompts = [by_id[i] for i in profile.prompt_ids]
    given = SelectionInput(
        profile=profile,
        sets=np.array([p.set for p in prompts], dtype=np.str_),
        seeds=np.array([p.seed_id for p in prompts], dtype=np.str_),
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
    prepared: _Prepared, profile: ActivationProfile, selections: Sequence[Selection]
) -> tuple[Mask, ...]:
    """Unmasked first, then each selector's nested masks, then the controls matched to them."""
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
    return (UNMASKED, *selected, *controls)


def _work(prepared: _Prepared, masks: Sequence[Mask]) -> list[Work]:
    """Every set under the selected masks; the controls on regular prompts only."""
    plain = tuple(m for m in masks if m.arm != "control")
    return [
        Work(prompt=p, masks=tuple(masks) if p.prompt.set == "regular" else plain)
        for p in prepared.side("measurement")
    ]


def _evidence(
    prepared: _Prepared,
    profile: ActivationProfile,
    selections: tuple[Selection, ...],
    skipped: dict[str, str],
    masks: tuple[Mask, ...],
    trials: Sequence[Trial],
    times: RunTimes,
) -> Evidence:
    suite = prepared.request.suite
    return Evidence(
        digest="",
        tool_version=__version__,
        checkpoint=prepared.reference,
        model=prepared.request.description,
        suite=SuiteRef(
            id=suite.id,
            version=suite.version,
            title=suite.title,
            licence=suite.licence,
            digest=suite.digest,
            prompts=tuple(_prompt_ref(e, prepared.split) for e in prepared.encoded),
        ),
        settings=prepared.settings,
        self_test=prepared.checks,
        selections=selections,
        skipped_selectors=skipped,
        masks=masks,
        trials=tuple(trials),
        profile=profile,
        findings=(),
        times=times,
    )


def _prompt_ref(encoded: Encoded, split: dict[str, str]) -> PromptRef:
    prompt = encoded.prompt
    return PromptRef(
        id=prompt.id,
        seed_id=prompt.seed_id,
        set=prompt.set,
        category=prompt.category,
        language=prompt.language,
        text_sha256=_sha256(prompt.text),
        split=split.get(prompt.seed_id, "none"),
        skipped=encoded.skipped,
    )
