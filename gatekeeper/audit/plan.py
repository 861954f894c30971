"""From options and a policy to what an audit is asked for, and what is refused of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from gatekeeper.audit.hopeless import hopeless_settings
from gatekeeper.audit.reasoning import reasoning_of
from gatekeeper.audit.resolve_options import (
    budget_of,
    check_cross_fit,
    check_sequential,
    check_sizes,
    controls_of,
    cross_fit_of,
    doses_of,
    environments_of,
    hopeless_sizes,
    judge_of,
    ks_of,
    parallel_of,
    resamples_of,
    second_of,
    seed_of,
    selectors_of,
    size_of,
    window_of,
)
from gatekeeper.audit.system_prompt import system_prompt_of
from gatekeeper.errors import AuditError
from gatekeeper.records.audit_options import AuditOptions
from gatekeeper.records.defaults import SEED
from gatekeeper.records.judge_options import read_options, split_options
from gatekeeper.records.trial import split_working_mode

if TYPE_CHECKING:  # numpy and torch are behind these; --help has no use for them
    from gatekeeper.audit.request import AuditRequest
    from gatekeeper.audit.sequential import Looks
    from gatekeeper.records.policy import Policy
    from gatekeeper.records.suite import Suite


def plan(
    checkpoint: Path, options: AuditOptions, policy: Policy | None, warn: Callable[[str], None]
) -> AuditRequest:
    """What an audit is asked for; all is refused that can be before a weight is loaded.

    Args:
        warn: is told what stops nothing and should be known before hours are spent.

    Raises:
        GatekeeperError: the suite, the checkpoint or an option is not fit for an audit.
    """
    from gatekeeper import catalog
    from gatekeeper.checkpoint.describe import describe
    from gatekeeper.checkpoint.open import open_checkpoint
    from gatekeeper.checkpoint.tied_head import refuse_two_heads
    from gatekeeper.suites.lint import repeated
    from gatekeeper.suites.read import read_suite

    suite = read_suite(options.suite)
    for warning in repeated(suite):
        warn(warning)
    selectors = selectors_of(options, policy)
    for name in selectors:
        catalog.load("selector", name)
    judge = catalog.load("judge", judge_of(options, policy))
    judge_options = split_options(options.judge_options)
    read_options(judge.id, judge.options, judge_options)
    second = second_of(options)
    split_working_mode(options.mode)
    check_cross_fit(options, policy)
    seed, derive = seed_of(options, policy)
    check_sequential(options, policy)
    system = system_prompt_of(options.system_prompt)
    opened = open_checkpoint(checkpoint, options.revision)
    asking, refusals = load_engine()
    from gatekeeper.audit.devices import refuse_workers

    # Before `describe`, which does not know the layouts of all that is refused by name.
    refusals.refuse_unauditable(opened)
    opened = replace(opened, cautions=(*opened.cautions, *refusals.strange_architectures(opened)))
    for caution in opened.cautions:
        warn(caution)
    description = describe(opened)
    refuse_two_heads(opened)
    if policy is not None:
        policy = policy.sized(description.maskable_experts)
        for warning in hopeless(suite, options, policy):
            warn(warning)
    request: AuditRequest = asking.AuditRequest(
        checkpoint=opened,
        description=description,
        suite=suite,
        selectors=selectors,
        ks=ks_of(options, policy),
        controls=controls_of(options, policy),
        mode=options.mode,
        phase=options.phase,
        judge=judge.id,
        judge_options=judge_options,
        second=second,
        max_prompts=options.max_prompts,
        max_new_tokens=window_of(options, policy),
        batch_rows=options.batch_rows,
        resamples=resamples_of(options, policy),
        size=size_of(options, policy),
        window=options.window,
        budget=budget_of(options, policy),
        roles=options.roles,
        environments=environments_of(options, policy),
        cross_fit=cross_fit_of(options, policy),
        system_prompts=tuple(
            dict.fromkeys(system_prompt_of(path) or "" for path in options.also_system_prompts)
        ),
        formats=tuple(dict.fromkeys(options.also_dtypes)),
        doses=doses_of(options),
        sequential=policy.digest if policy is not None and options.sequential else None,
        selection_share=options.selection_share,
        seed=seed,
        derive=derive,
        nonce=options.nonce,
        positive_control=options.positive_control,
        device=options.device,
        dtype=options.dtype,
        system_prompt=system,
        workers=options.workers,
        ray=options.ray,
        parallel=parallel_of(options),
        reasoning=reasoning_of(options, policy),
    )
    asking.refuse_dense(request)
    check_sizes(options, description.maskable_experts)
    if policy is not None:
        for warning in hopeless_sizes(options, policy, description.maskable_experts):
            warn(warning)
    asking.refuse_idle_variants(request)
    refuse_workers(request)
    return request


def hopeless(suite: Suite, options: AuditOptions, policy: Policy) -> Iterator[str]:
    """What the policy needs and these options cannot give: told before hours are spent on it."""
    from gatekeeper.policy.rule_needs import floors_by_set
    from gatekeeper.suites.split import MEASUREMENT, limit, split_seeds

    seed, cross_fit = options.seed or SEED, cross_fit_of(options, policy)
    prompts = limit(suite.prompts, options.max_prompts, seed)
    sides = split_seeds(prompts, options.selection_share, seed)
    measuring = {s for s, side in sides.items() if cross_fit or side == MEASUREMENT}
    remedy = "a larger suite" if cross_fit else "--cross-fit, or a larger suite"
    if options.max_prompts is not None:
        remedy = "leave --max-prompts out"
    for name, needed in floors_by_set(policy).items():
        left = sum(p.set == name and p.seed_id in measuring for p in prompts)
        if left < needed:
            yield (
                f"{left} {name} prompts will be measured and the policy takes {needed}: the "
                f"verdict cannot be a pass ({remedy})"
            )
    sizes = [k for k in policy.needs.ks if k not in ks_of(options, policy)]
    if sizes:
        yield (
            f"the policy needs masks of {', '.join(map(str, sizes))} experts too (-k): the verdict "
            "cannot be a pass"
        )
    if controls_of(options, policy) < policy.needs.random_masks:
        yield (
            f"{controls_of(options, policy)} random masks will be run and the policy needs "
            f"{policy.needs.random_masks} (--controls): the verdict cannot be a pass"
        )
    lacking = [s for s in policy.needs.selectors if s not in selectors_of(options, policy)]
    if lacking:
        yield f"the policy needs {', '.join(lacking)} too: the verdict cannot be a pass"
    for need, flag in hopeless_settings(suite, options, policy):
        yield f"{need} ({flag}): the verdict cannot be a pass"


def looks_of(request: AuditRequest, policy: Policy | None) -> Looks | None:
    """What ends the runs of masks early, if anything may."""
    if request.sequential is None or policy is None:
        return None
    from gatekeeper.audit.sequential import Looks
    from gatekeeper.policy.decide import CONFIDENCE
    from gatekeeper.policy.in_order import unsettled

    return Looks(
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
