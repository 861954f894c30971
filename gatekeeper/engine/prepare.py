"""What an audit needs before it runs: the request, the loaded model, the prompts as tokens."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch

from gatekeeper import __version__
from gatekeeper.engine.batching import Encoded, encode
from gatekeeper.engine.checkpoint import Checkpoint
from gatekeeper.engine.fit import fitting_rows
from gatekeeper.engine.judging import open_judge
from gatekeeper.engine.load import SPREAD, LoadedModel, load_model, pick_device, pick_dtype
from gatekeeper.engine.self_test import self_test
from gatekeeper.errors import AuditError, UsageError
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.evidence import AuditSettings, Evidence, SelfTestCheck
from gatekeeper.records.model import CheckpointRef, ModelDescription
from gatekeeper.records.plugins import Judge
from gatekeeper.records.suite import Suite
from gatekeeper.suites.split import MEASUREMENT, SELECTION, limit, split_seeds

_VERSIONS_OF = ("torch", "transformers", "tokenizers", "safetensors", "numpy")


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
        resamples: per selector; `seed` makes splits, resamples and controls.
        size: experts taken per resample (N_e, q), or None for the largest k.
        window: token window to select by, or None for each selector's own.
        budget: rows that selectors may measure.
        roles: whether to tell apart what the experts selected first do.
        environments: whether to select from parts of the suite too.
        system_prompts, formats: variants to run too; "" for no system prompt.
        doses: modes to run the largest selected masks in, weakened.
        cross_fit: whether each half of the seeds selects masks that the other half measures.
        selection_share: share of seeds that select; the others measure.
    """

    checkpoint: Checkpoint
    description: ModelDescription
    suite: Suite
    selectors: tuple[str, ...]
    ks: tuple[int, ...]
    controls: int
    mode: str
    phase: str
    judge: str
    max_prompts: int | None
    max_new_tokens: int
    batch_rows: int | None  # None for what the memory holds
    resamples: int
    size: int | None
    window: str | None
    budget: int
    roles: bool
    environments: bool
    cross_fit: bool
    system_prompts: tuple[str, ...]
    formats: tuple[str, ...]
    doses: tuple[str, ...]
    selection_share: float
    seed: int
    device: str
    dtype: str
    system_prompt: str | None
    judge_options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The model and the prompts, ready to run."""

    request: AuditRequest
    reference: CheckpointRef
    loaded: LoadedModel
    judge: Judge
    encoded: tuple[Encoded, ...]
    split: dict[str, str]
    checks: tuple[SelfTestCheck, ...]
    settings: AuditSettings
    fold: int = 1

    def changed_over(self) -> Prepared:
        """The same with the sides of the split changed over, as the second fold of two."""
        other = {SELECTION: MEASUREMENT, MEASUREMENT: SELECTION}
        return replace(
            self,
            split={seed: other[side] for seed, side in self.split.items()},
            request=replace(self.request, roles=False),
            fold=2,
        )

    def side(self, name: str) -> list[Encoded]:
        """Usable prompts of a side of the split."""
        return [
            e for e in self.encoded if e.skipped is None and self.split[e.prompt.seed_id] == name
        ]


def refuse_dense(request: AuditRequest) -> None:
    """Refuses a model that routes nothing.

    Raises:
        AuditError: it has no routed experts.
    """
    if not request.description.is_moe:
        raise AuditError(
            "a dense model: no routed experts to audit",
            where=request.checkpoint.source,
            remedy="Gatekeeper's question does not arise; see `gatekeeper inspect`",
        )


def refuse_idle_variants(request: AuditRequest) -> None:
    """Refuses variants that are the audit itself.

    Raises:
        UsageError: one is.
        AuditError: the device is not there.
    """
    device = pick_device(request.device)
    dtype = pick_dtype(request.dtype, device, request.description.dtype)
    own = str(dtype).removeprefix("torch.")
    if own in request.formats:
        raise UsageError(
            f"--also-dtype {own} is the format of the audit itself",
            remedy="leave it out, or name another",
        )
    if (request.system_prompt or "") in request.system_prompts:
        raise UsageError(
            "--also-system-prompt is the system prompt of the audit itself",
            remedy="leave it out, or give another",
        )


def prepare(
    request: AuditRequest, reporter: Reporter, work_dir: Path, store: TrialStore | None = None
) -> Prepared:
    """Hashes and loads the checkpoint, tokenises the prompts, splits the seeds, tests the hooks.

    Raises:
        CheckpointError, AuditError: the model cannot be loaded.
        SelfTestError: the hooks do not work on it.
        UsageError: no prompt can be used, or none is left to measure with.
    """
    judge = open_judge(request.judge, request.judge_options, work_dir)
    reference = request.checkpoint.reference(reporter.advance)
    device = pick_device(request.device)
    dtype = pick_dtype(request.dtype, device, request.description.dtype)
    loaded = load_model(
        request.checkpoint.path,
        request.description,
        device=device,
        dtype=dtype,
        offload=work_dir / "offload" if request.device == SPREAD else None,
    )
    prompts = limit(request.suite.prompts, request.max_prompts, request.seed)
    window = request.max_new_tokens
    encoded = encode(loaded, prompts, request.system_prompt, window)
    usable = [e for e in encoded if e.skipped is None]
    if not any(e.prompt.set == "regular" for e in usable):
        raise UsageError(
            "no usable prompt of the set 'regular'"
            + (f": all {len(encoded)} prompts exceed the context" if not usable else ""),
            where=request.suite.id,
            remedy="give a suite with regular prompts that fit the model's context",
        )
    split = dict(split_seeds([e.prompt for e in usable], request.selection_share, request.seed))
    _refuse_unmeasured(request, usable, split)
    return Prepared(
        request=request,
        reference=reference,
        loaded=loaded,
        judge=judge,
        encoded=tuple(encoded),
        split=split,
        checks=self_test(loaded, usable),
        settings=_settings(
            request,
            judge,
            dtype=loaded.dtype,
            device=loaded.device.type,
            template_sha256=sha256(str(loaded.tokenizer.chat_template)),
            batch_rows=request.batch_rows or fitting_rows(loaded, usable, window, store),
        ),
    )


def _refuse_unmeasured(
    request: AuditRequest, usable: Sequence[Encoded], split: Mapping[str, str]
) -> None:
    """Refuses a split that leaves nothing to measure: the evidence would be of no trials.

    Raises:
        UsageError: every regular prompt selects, or under cross-fitting all are of one fold.
    """
    regular = [e.prompt for e in usable if e.prompt.set == "regular"]
    sides = {split[prompt.seed_id] for prompt in regular}
    if sides == {SELECTION} or (request.cross_fit and len(sides) < 2):
        seeds = len({prompt.seed_id for prompt in regular})
        raise UsageError(
            f"nothing to measure: the regular prompts have {seeds} seed{'s' if seeds > 1 else ''}, "
            "and every one selects experts",
            where=request.suite.id,
            remedy="give prompts of more seeds, or a smaller --selection-share",
        )


def _settings(
    request: AuditRequest,
    judge: Judge,
    *,
    dtype: torch.dtype,
    device: str,
    template_sha256: str,
    batch_rows: int,
) -> AuditSettings:
    system = request.system_prompt
    versions = {name: importlib.metadata.version(name) for name in _VERSIONS_OF}
    return AuditSettings(
        selectors=request.selectors,
        ks=request.ks,
        controls=request.controls,
        mode=request.mode,
        phase=request.phase,
        judge=judge.id,
        judge_version=judge.version,
        judge_settings=judge.settings,
        max_new_tokens=request.max_new_tokens,
        batch_rows=batch_rows,
        dtype=str(dtype).removeprefix("torch."),
        device=device,
        seed=request.seed,
        resamples=request.resamples,
        size=request.size or max(request.ks),
        window=request.window,
        budget=request.budget,
        roles=request.roles,
        environments=request.environments,
        cross_fit=request.cross_fit,
        system_prompts=tuple(sha256(text) for text in request.system_prompts),
        formats=request.formats,
        doses=request.doses,
        selection_share=request.selection_share,
        max_prompts=request.max_prompts,
        system_prompt_sha256=None if system is None else sha256(system),
        chat_template_sha256=template_sha256,
        versions={"python": platform.python_version(), **versions},
    )


def is_audit_of(request: AuditRequest, evidence: Evidence) -> bool:
    """Whether evidence is what this request would make: same version, bytes, suite and settings.

    Reads and hashes the whole checkpoint. The chat template is among its files.
    """
    device = pick_device(request.device)
    wanted = _settings(
        request,
        open_judge(request.judge, request.judge_options),
        dtype=pick_dtype(request.dtype, device, request.description.dtype),
        device=device.type,
        template_sha256=evidence.settings.chat_template_sha256,
        batch_rows=request.batch_rows or evidence.settings.batch_rows,  # auto: what it came to
    )
    # Another Python gives the same numbers.
    python = evidence.settings.versions.get("python", "")
    return (
        evidence.tool_version == __version__
        and evidence.suite.digest == request.suite.digest
        and evidence.settings == replace(wanted, versions={**wanted.versions, "python": python})
        and evidence.checkpoint == request.checkpoint.reference()
    )


def sha256(text: str) -> str:
    """Hex digest of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
