"""The same audit under another system prompt or in another numeric format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gatekeeper.analysis.changes import redrawn, variant_changes
from gatekeeper.analysis.environments import environment_arms
from gatekeeper.audit.audit_run import AuditRun, Clock
from gatekeeper.audit.prepare import Prepared
from gatekeeper.audit.selection import (
    make_profile,
    selection_input,
    selection_split,
    selector_of,
)
from gatekeeper.engine.generate.batching import Encoded, encode
from gatekeeper.engine.generate.row_plan import Work
from gatekeeper.engine.model.int8 import to_int8
from gatekeeper.engine.model.load import DTYPES, SPREAD, LoadedModel, load_model, release
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.errors import UsageError
from gatekeeper.records.digest import sha256
from gatekeeper.records.environment import Environment, prompt_name
from gatekeeper.records.evidence import Evidence, SelfTestCheck
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.selection import Selection

INT8 = "int8"
#: Formats that a model can be run in besides its own.
FORMATS = (*DTYPES, INT8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A variant of the audit: dimension and name, model, prompts as tokens, and checked hooks."""

    dimension: str
    name: str
    loaded: LoadedModel
    encoded: tuple[Encoded, ...]
    checks: tuple[SelfTestCheck, ...]
    system_prompt: str | None
    dtype: str

    def of(self, prepared: Prepared) -> Prepared:
        """A side of the split, varied."""
        return replace(
            prepared,
            loaded=self.loaded,
            encoded=self.encoded,
            checks=self.checks,
            request=replace(prepared.request, system_prompt=self.system_prompt, roles=False),
            settings=replace(prepared.settings, dtype=self.dtype),
        )


def refuse_long_variants(prepared: Prepared) -> None:
    """Refuses system prompts that leave a prompt no room, before hours are spent on the audit.

    Raises:
        UsageError: one does.
    """
    for text in prepared.request.system_prompts:
        _encoded(prepared, prepared.loaded, text or None)


def variants(prepared: Prepared, work_dir: Path, clock: Clock) -> Iterator[Variant]:
    """Each variant in turn. Those of formats take the place of the model in memory: they are last.

    Raises:
        CheckpointError, AuditError: a format cannot be loaded.
        SelfTestError: the hooks do not work in it.
    """
    request = prepared.request
    for text in request.system_prompts:
        yield Variant(
            dimension="system prompt",
            name=prompt_name(sha256(text)),
            loaded=prepared.loaded,
            encoded=_encoded(prepared, prepared.loaded, text or None),
            checks=prepared.checks,
            system_prompt=text or None,
            dtype=prepared.settings.dtype,
        )
    last = prepared.loaded
    for name in request.formats:
        release(last)
        with clock.stage("load"):
            last = _load(prepared, name, work_dir)
            encoded = _encoded(prepared, last, request.system_prompt)
            checks = self_test(last, [e for e in encoded if e.skipped is None])
        yield Variant(
            dimension="format",
            name=name,
            loaded=last,
            encoded=encoded,
            checks=checks,
            system_prompt=request.system_prompt,
            dtype=name,
        )


def _encoded(prepared: Prepared, loaded: LoadedModel, system: str | None) -> tuple[Encoded, ...]:
    prompts = [e.prompt for e in prepared.encoded]
    request = prepared.request
    thinking = request.reasoning.thinking
    encoded = encode(loaded, prompts, system, request.max_new_tokens, thinking)
    lost = sum(
        new.skipped is not None and old.skipped is None
        for new, old in zip(encoded, prepared.encoded, strict=True)
    )
    if lost:
        raise UsageError(
            f"{lost} prompts exceed the context with the other system prompt",
            remedy="shorten it, or leave --also-system-prompt out",
        )
    skipped = [e.skipped for e in prepared.encoded]
    return tuple(replace(e, skipped=s) for e, s in zip(encoded, skipped, strict=True))


def _load(prepared: Prepared, name: str, work_dir: Path) -> LoadedModel:
    request = prepared.request
    spread = request.execution.device == SPREAD
    loaded = load_model(
        request.checkpoint.path,
        request.description,
        device=prepared.loaded.device,
        dtype=DTYPES.get(name, DTYPES["float32"]),
        offload=work_dir / "offload" if spread else None,
        parallel=request.execution.parallel,
    )
    if name == INT8:
        to_int8(loaded.model, tuple(loaded.architecture.find(loaded.model)))
        if loaded.recipe is not None:
            return replace(loaded, recipe=replace(loaded.recipe, int8=True))
    return loaded


def vary(
    run: AuditRun, evidence: Evidence, variant: Variant, usual: Mapping[str, Sequence[float]]
) -> Evidence:
    """Selects under a variant, and measures that mask there and the audit's own.

    By selectors that only read the profile.

    Args:
        usual: see `analysis.changes.redrawn`.
    """
    varied = run.of(variant.of(run.prepared))
    split = selection_split(varied)
    profile = make_profile(varied, split)
    with run.clock.stage("select"):
        inputs = selection_input(varied.prepared, profile)
        environments = tuple(_environments(inputs, evidence.selections, variant))
        changes = variant_changes(profile.sites, environments, usual)
    request = run.prepared.request
    masks = environment_arms(environments, mode=request.mode, phase=request.phase)
    work = [
        Work(prompt=item, masks=masks)
        for item in varied.prepared.side("measurement")
        if item.prompt.set == "regular"
    ]
    with run.clock.stage("trials"):
        trials = varied.sweep(work)
    return replace(
        evidence,
        environments=(*evidence.environments, *environments),
        changes=(*evidence.changes, *changes),
        masks=(*evidence.masks, *masks),
        trials=(*evidence.trials, *trials),
    )


def usual_changes(prepared: Prepared, evidence: Evidence) -> dict[str, tuple[float, ...]]:
    """How much redraws of the prompts change the selections, if variants were asked for."""
    varies = prepared.request.system_prompts or prepared.request.formats
    if evidence.profile is None or not varies:
        return {}
    wanted = [s for e in evidence.selections if not (s := selector_of(e.selector)).measures]
    return redrawn(selection_input(prepared, evidence.profile), wanted)


def _environments(
    inputs: SelectionInput, selections: Sequence[Selection], variant: Variant
) -> Iterator[Environment]:
    """The experts that each selector selects under the variant, beside those of the audit."""
    seeds = len(set(inputs.seeds[inputs.sets == "regular"].tolist()))
    for usual in selections:
        selector = selector_of(usual.selector)
        if selector.measures or isinstance(there := selector.select(inputs), str):
            continue
        yield Environment(
            dimension=variant.dimension,
            values=(variant.name,),
            selector=selector.id,
            within=tuple(r.expert for r in there.ranked[: inputs.size]),
            without=tuple(r.expert for r in usual.ranked[: inputs.size]),
            seeds=seeds,
            others=seeds,
        )
