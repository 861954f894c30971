"""Makes the request for an audit from options and a policy; refuses at once what cannot work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from gatekeeper.audit.hopeless import hopeless_settings, without_selection
from gatekeeper.audit.resolve_options import (
    check_sizes,
    hopeless_sizes,
    large_masks,
    parallel_of,
    reasoning_of,
    resolve,
    second_of,
)
from gatekeeper.audit.system_prompt import own_system_prompt_of, system_prompt_of
from gatekeeper.errors import AuditError
from gatekeeper.records.audit_config import AuditConfig, TypedOptions, values_of
from gatekeeper.records.judge_options import read_options, split_options

if TYPE_CHECKING:  # numpy and torch are behind these; --help has no use for them
    from gatekeeper.audit.request import AuditRequest
    from gatekeeper.audit.sequential import StoppingRule
    from gatekeeper.checkpoint.open import Checkpoint
    from gatekeeper.records.model import ModelDescription
    from gatekeeper.records.policy import Policy
    from gatekeeper.records.suite import Suite


def plan(
    checkpoint: Path, options: TypedOptions, policy: Policy | None, warn: Callable[[str], None]
) -> AuditRequest:
    """Makes the request for an audit; refuses all that it can before a weight is loaded.

    Args:
        warn: is told what stops nothing and should be known before hours are spent.

    Raises:
        GatekeeperError: the suite, the checkpoint or an option is not fit for an audit.
    """
    from gatekeeper import catalog
    from gatekeeper.checkpoint.tied_head import refuse_two_heads
    from gatekeeper.suites.lint import repeated
    from gatekeeper.suites.read import read_suite

    suite = read_suite(options.suite)
    for warning in repeated(suite):
        warn(warning)
    config = resolve(options, policy)
    for name in config.selectors:
        catalog.load("selector", name)
    judge = catalog.load("judge", config.judge)
    judge_options = split_options(options.inputs.judge_options)
    read_options(judge.id, judge.options, judge_options)
    second, system = second_of(options.inputs), own_system_prompt_of(options.inputs.system_prompt)
    asking, refusals = load_engine()
    from gatekeeper.audit.devices import refuse_workers
    from gatekeeper.audit.room import refuse_idle_variants

    opened, description = _opened(checkpoint, options, refusals, warn)
    refuse_two_heads(opened)
    if policy is not None:
        policy = policy.sized(description.maskable_experts)
        config = resolve(options, policy)
        for warning in hopeless(suite, options, config, policy):
            warn(warning)
    if (few := without_selection(suite, config)) is not None:
        warn(few)
    others = (system_prompt_of(path) or "" for path in options.inputs.also_system_prompts)
    request: AuditRequest = asking.AuditRequest(
        **values_of(config),
        checkpoint=opened,
        description=description,
        suite=suite,
        judge_options=judge_options,
        second=second,
        system_prompt=system,
        system_prompts=tuple(dict.fromkeys(others)),
        execution=replace(options.execution, parallel=parallel_of(options.execution)),
        reasoning=reasoning_of(options, policy),
    )
    asking.refuse_dense(request)
    check_sizes(options, description.maskable_experts)
    for warning in large_masks(options, description.maskable_experts):
        warn(warning)
    if policy is not None:
        for warning in hopeless_sizes(config, policy, description.maskable_experts):
            warn(warning)
    refuse_idle_variants(request)
    refuse_workers(request.execution)
    return request


def _opened(
    checkpoint: Path, options: TypedOptions, refusals: ModuleType, warn: Callable[[str], None]
) -> tuple[Checkpoint, ModelDescription]:
    """The checkpoint and what its headers say of it; its cautions are told."""
    from gatekeeper.checkpoint.describe import describe
    from gatekeeper.checkpoint.open import open_checkpoint
    from gatekeeper.engine.model.unread_settings import unread_settings

    opened = open_checkpoint(checkpoint, options.inputs.revision)
    # Before `describe`, which does not know the layouts of all that is refused by name.
    refusals.refuse_unauditable(opened)
    cautions = (*refusals.strange_architectures(opened), *unread_settings(opened))
    opened = replace(opened, cautions=(*opened.cautions, *cautions))
    for caution in opened.cautions:
        warn(caution)
    return opened, describe(opened)


def hopeless(
    suite: Suite, options: TypedOptions, config: AuditConfig, policy: Policy
) -> Iterator[str]:
    """Warnings of what the policy needs and these options cannot give, before hours are spent."""
    from gatekeeper.policy.rule_needs import floors_by_set
    from gatekeeper.suites.split import MEASUREMENT, limit, split_seeds

    cross_fit = config.cross_fit
    prompts = limit(suite.prompts, config.max_prompts, config.seed)
    sides = split_seeds(prompts, config.selection_share, config.seed)
    measuring = {s for s, side in sides.items() if cross_fit or side == MEASUREMENT}
    remedy = "a larger suite" if cross_fit else "--cross-fit, or a larger suite"
    if config.max_prompts is not None:
        remedy = "leave --max-prompts out"
    for name, needed in floors_by_set(policy).items():
        measured = sum(p.set == name and p.seed_id in measuring for p in prompts)
        if measured < needed:
            yield (
                f"{measured} {name} prompts will be measured and the policy takes {needed}: the "
                f"verdict cannot be a pass ({remedy})"
            )
    sizes = [k for k in policy.needs.ks if k not in config.ks]
    if sizes:
        yield (
            f"the policy needs masks of {', '.join(map(str, sizes))} experts too (-k): the verdict "
            "cannot be a pass"
        )
    if config.controls < policy.needs.random_masks:
        yield (
            f"{config.controls} random masks will be run and the policy needs "
            f"{policy.needs.random_masks} (--controls): the verdict cannot be a pass"
        )
    lacking = [s for s in policy.needs.selectors if s not in config.selectors]
    if lacking:
        yield f"the policy needs {', '.join(lacking)} too: the verdict cannot be a pass"
    for need, flag in hopeless_settings(suite, options, config, policy):
        yield f"{need} ({flag}): the verdict cannot be a pass"


def looks_of(request: AuditRequest, policy: Policy | None) -> StoppingRule | None:
    """The rule by which runs of masks may end early, if they may."""
    if request.sequential is None or policy is None:
        return None
    from gatekeeper.audit.sequential import StoppingRule
    from gatekeeper.policy.decide_rules import CONFIDENCE
    from gatekeeper.policy.sequential import unsettled

    return StoppingRule(
        settle=lambda evidence: unsettled(evidence, policy, CONFIDENCE),
        policy=policy.digest,
        confidence=CONFIDENCE,
    )


def load_engine() -> tuple[ModuleType, ModuleType]:
    """The engine's side of a plan, which needs the `audit` extra: requests and refusals.

    Raises:
        AuditError: the extra is not installed.
    """
    try:
        from gatekeeper.audit import request
        from gatekeeper.engine.model import unsupported as refusals
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "transformers", "safetensors"}:
            raise
        raise AuditError(
            f"{error.name} is not installed",
            remedy="pip install 'moe-gatekeeper[audit]'; check and report work without it",
        ) from error
    return request, refusals
