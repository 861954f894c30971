"""What `audit` and `run` share: from options to a plan, and from a plan to evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._audit_options import AuditOptions
from gatekeeper.commands._choices import (
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
from gatekeeper.commands._heartbeat import HEARTBEAT
from gatekeeper.commands._hopeless import hopeless_settings
from gatekeeper.commands._ledger import counted
from gatekeeper.commands._output import NEW, install
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.commands._reasoning import reasoning_of
from gatekeeper.commands._system_prompt import system_prompt_of
from gatekeeper.errors import AuditError, excerpt
from gatekeeper.records.defaults import SEED
from gatekeeper.records.judge_options import read_options, split_options
from gatekeeper.records.trial import split_working_mode

if TYPE_CHECKING:  # numpy and torch are behind these; --help has no use for them
    from gatekeeper.engine.in_order import Looks
    from gatekeeper.engine.ranks import Ranks
    from gatekeeper.engine.request import AuditRequest
    from gatekeeper.records.evidence import Evidence
    from gatekeeper.records.policy import Policy
    from gatekeeper.records.suite import Suite


#: What rank 0 says when the others are to begin; its exit code follows, also where they are not.
AUDIT = "audit"


def plan(checkpoint: Path, options: AuditOptions, policy: Policy | None) -> AuditRequest:
    """All that can be refused before a weight is loaded or a file written: input, names, model.

    Raises:
        GatekeeperError: the suite, the checkpoint or an option is not fit for an audit.
    """
    from gatekeeper import catalog
    from gatekeeper.engine.checkpoint import open_checkpoint
    from gatekeeper.engine.inspect import describe
    from gatekeeper.engine.tied import refuse_two_heads
    from gatekeeper.suites.lint import repeated
    from gatekeeper.suites.read import read_suite

    suite = read_suite(options.suite)
    for warning in repeated(suite):
        click.echo(f"warning: {warning}", err=True)
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
    from gatekeeper.engine.devices import refuse_workers

    # Before `describe`, which does not know the layouts of all that is refused by name.
    refusals.refuse_unauditable(opened)
    opened = replace(opened, cautions=(*opened.cautions, *refusals.strange_architectures(opened)))
    for caution in opened.cautions:
        click.echo(f"warning: {caution}", err=True)
    description = describe(opened)
    refuse_two_heads(opened)
    if policy is not None:
        policy = policy.sized(description.maskable_experts)
        for warning in hopeless(suite, options, policy):
            click.echo(f"warning: {warning}", err=True)
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
            click.echo(f"warning: {warning}", err=True)
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


def perform(
    request: AuditRequest,
    bundle: Path,
    out: Path,
    work: Path,
    reporter: ProgressReporter,
    policy: Policy | None = None,
    ranks: Ranks | None = None,
) -> Evidence:
    """Carries the audit out, measures all metrics and writes the bundle.

    What `out` held before is replaced once the new bundle is whole, and not before.

    Args:
        policy: whose limits end the runs of masks, if the request says so.
        ranks: this process, as rank 0 of those that hold the model.

    Raises:
        GatekeeperError: see `engine.audit.run_audit` and `evidence.bundle.write_bundle`.
    """

    from gatekeeper.engine.audit import run_audit
    from gatekeeper.engine.devices import devices_of
    from gatekeeper.evidence.bundle import write_bundle
    from gatekeeper.metrics import with_findings

    if ranks is not None:
        ranks.share(AUDIT)
    reporter.begin(work / HEARTBEAT, devices_of(request))
    try:
        evidence = run_audit(request, work, reporter, looks_of(request, policy), ranks)
    finally:
        reporter.close()
    if evidence.times is not None:
        reporter.tell_cost(sum(evidence.times.seconds.values()))
    evidence = counted(out, evidence)
    written = write_bundle(with_findings(evidence), work / NEW)
    install(work / NEW, bundle, out)
    return written


def looks_of(request: AuditRequest, policy: Policy | None) -> Looks | None:
    """What ends the runs of masks early, if anything may."""
    if request.sequential is None or policy is None:
        return None
    from gatekeeper.engine.in_order import Looks
    from gatekeeper.policy.decide import CONFIDENCE
    from gatekeeper.policy.in_order import unsettled

    return Looks(
        settle=lambda evidence: unsettled(evidence, policy, CONFIDENCE),
        policy=policy.digest,
        confidence=CONFIDENCE,
    )


def tell_left_out(evidence: Evidence) -> None:
    """A line for each selector and kind of environment that could not be run, with the reason."""
    from gatekeeper.analysis.environments import untold_parts

    for dimension in untold_parts(evidence):
        click.echo(f"left out: environments by {dimension}: no two parts have enough seeds")
    for name, reason in evidence.skipped_selectors.items():
        click.echo(f"left out: selector {name}: {excerpt(reason)}")


def load_engine() -> tuple[ModuleType, ModuleType]:
    """The engine's side of a plan, which needs the `audit` extra: requests and refusals.

    Raises:
        AuditError: the extra is not installed.
    """
    try:
        from gatekeeper.engine import refusals, request
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "transformers", "safetensors"}:
            raise
        raise AuditError(
            f"{error.name} is not installed",
            remedy="pip install 'moe-gatekeeper[audit]'; check and report work without it",
        ) from error
    return request, refusals
