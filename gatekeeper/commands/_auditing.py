"""What `audit` and `run` share: from options to a plan, and from a plan to evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._audit_options import SECOND_SAMPLE, AuditOptions
from gatekeeper.commands._heartbeat import HEARTBEAT
from gatekeeper.commands._output import NEW, install
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.errors import AuditError, UsageError, excerpt
from gatekeeper.records.environment import VARIANTS
from gatekeeper.records.judge_options import SecondRequest, read_options, split_options
from gatekeeper.records.trial import split_working_mode

if TYPE_CHECKING:  # numpy and torch are behind these; --help has no use for them
    from gatekeeper.engine.in_order import Looks
    from gatekeeper.engine.prepare import AuditRequest
    from gatekeeper.records.evidence import Evidence
    from gatekeeper.records.policy import Policy
    from gatekeeper.records.suite import Suite

DEFAULT_KS = (1, 2, 4, 8)
_HALF = 0.5
#: Beyond any context: what is longer is no system prompt.
_LONGEST_PROMPT = 4_000_000


def plan(checkpoint: Path, options: AuditOptions, policy: Policy | None) -> AuditRequest:
    """All that can be refused before a weight is loaded or a file written: input, names, model.

    Raises:
        GatekeeperError: the suite, the checkpoint or an option is not fit for an audit.
    """
    from gatekeeper import catalog
    from gatekeeper.engine.checkpoint import open_checkpoint
    from gatekeeper.engine.inspect import describe
    from gatekeeper.suites.lint import repeated
    from gatekeeper.suites.read import read_suite

    suite = read_suite(options.suite)
    for warning in repeated(suite):
        click.echo(f"warning: {warning}", err=True)
    if policy is not None:
        for warning in hopeless(suite, options, policy):
            click.echo(f"warning: {warning}", err=True)
    selectors = _selectors(options, policy)
    for name in selectors:
        catalog.load("selector", name)
    judge = catalog.load("judge", options.judge)
    judge_options = split_options(options.judge_options)
    read_options(judge.id, judge.options, judge_options)
    second = _second(options)
    split_working_mode(options.mode)
    _check_cross_fit(options)
    _check_sequential(options, policy)
    system = _system_prompt(options.system_prompt)
    opened = open_checkpoint(checkpoint, options.revision)
    prepare, refusals = _engine()
    from gatekeeper.engine.devices import refuse_workers

    # Before `describe`, which does not know the layouts of all that is refused by name.
    refusals.refuse_unauditable(opened)
    description = describe(opened)
    request: AuditRequest = prepare.AuditRequest(
        checkpoint=opened,
        description=description,
        suite=suite,
        selectors=selectors,
        ks=_ks(options, policy),
        controls=_controls(options, policy),
        mode=options.mode,
        phase=options.phase,
        judge=options.judge,
        judge_options=judge_options,
        second=second,
        max_prompts=options.max_prompts,
        max_new_tokens=options.max_new_tokens,
        batch_rows=options.batch_rows,
        resamples=options.resamples,
        size=options.size,
        window=options.window,
        budget=options.budget,
        roles=options.roles,
        environments=_environments(options, policy),
        cross_fit=options.cross_fit,
        system_prompts=tuple(
            dict.fromkeys(_system_prompt(path) or "" for path in options.also_system_prompts)
        ),
        formats=tuple(dict.fromkeys(options.also_dtypes)),
        doses=_doses(options),
        sequential=policy.digest if policy is not None and options.sequential else None,
        selection_share=options.selection_share,
        seed=options.seed,
        device=options.device,
        dtype=options.dtype,
        system_prompt=system,
        workers=options.workers,
        ray=options.ray,
    )
    prepare.refuse_dense(request)
    prepare.refuse_idle_variants(request)
    refuse_workers(request)
    return request


def _second(options: AuditOptions) -> SecondRequest | None:
    """The second judge that is asked for.

    Raises:
        UsageError: there is no such judge, an option is wrong, or there are options of no judge.
    """
    from gatekeeper import catalog

    name, given = options.second_judge, split_options(options.second_judge_options)
    if name is None:
        if given or options.second_sample is not None:
            raise UsageError(
                "options of a second judge, and no second judge",
                remedy="add --second-judge NAME; see `gatekeeper catalog judge`",
            )
        return None
    judge = catalog.load("judge", name)
    read_options(judge.id, judge.options, given)
    return SecondRequest(judge=name, options=given, sample=options.second_sample or SECOND_SAMPLE)


def _doses(options: AuditOptions) -> tuple[str, ...]:
    """Modes of the dose–response.

    Raises:
        UsageError: one is no mode, does nothing, or is the audit's own.
    """
    for dose in options.doses:
        split_working_mode(dose)
        if dose == options.mode:
            raise UsageError(
                f"--dose {excerpt(dose)} is the mode of the audit itself",
                remedy="leave it out, or name another",
            )
    return tuple(dict.fromkeys(options.doses))


def _check_cross_fit(options: AuditOptions) -> None:
    """Refuses shares that are no halves.

    Raises:
        UsageError: folds of unlike size were asked for.
    """
    if options.cross_fit and options.selection_share != _HALF:
        raise UsageError(
            f"--cross-fit divides the seeds in halves, --selection-share is "
            f"{options.selection_share}",
            remedy="leave one of them out",
        )


def _check_sequential(options: AuditOptions, policy: Policy | None) -> None:
    """Refuses to stop early where nothing says when, or where two ways to measure collide.

    Raises:
        UsageError: there is no policy, or each half is to measure what the other selected.
    """
    if options.sequential and policy is None:
        raise UsageError(
            "--sequential stops masks at the limits of a policy, and there is none",
            remedy="add --policy, or leave --sequential out",
        )
    if options.sequential and options.cross_fit:
        raise UsageError(
            "--sequential cannot stop masks whose halves are measured one after the other",
            remedy="leave out --sequential or --cross-fit",
        )


def hopeless(suite: Suite, options: AuditOptions, policy: Policy) -> Iterator[str]:
    """What the policy needs and these options cannot give: told before hours are spent on it."""
    from gatekeeper.suites.split import MEASUREMENT, limit, split_seeds

    prompts = limit(suite.prompts, options.max_prompts, options.seed)
    sides = split_seeds(prompts, options.selection_share, options.seed)
    measuring = {s for s, side in sides.items() if options.cross_fit or side == MEASUREMENT}
    for name, needed in policy.needs.prompts.items():
        left = sum(p.set == name and p.seed_id in measuring for p in prompts)
        if left < needed:
            yield (
                f"{left} {name} prompts will be measured and the policy needs {needed}: the "
                "verdict cannot be a pass (more prompts, a smaller --selection-share, or "
                "--cross-fit)"
            )
    lacking = [s for s in policy.needs.selectors if s not in _selectors(options, policy)]
    if lacking:
        yield f"the policy needs {', '.join(lacking)} too: the verdict cannot be a pass"


def perform(
    request: AuditRequest,
    bundle: Path,
    out: Path,
    work: Path,
    reporter: ProgressReporter,
    policy: Policy | None = None,
) -> Evidence:
    """Carries the audit out, measures all metrics and writes the bundle.

    What `out` held before is replaced once the new bundle is whole, and not before.

    Args:
        policy: whose limits end the runs of masks, if the request says so.

    Raises:
        GatekeeperError: see `engine.audit.run_audit` and `evidence.bundle.write_bundle`.
    """
    from dataclasses import replace

    from gatekeeper.engine.audit import run_audit
    from gatekeeper.engine.devices import devices_of
    from gatekeeper.evidence.bundle import write_bundle
    from gatekeeper.metrics import measure_all

    reporter.begin(work / HEARTBEAT, devices_of(request))
    try:
        evidence = run_audit(request, work, reporter, _looks(request, policy))
    finally:
        reporter.close()
    if evidence.times is not None:
        reporter.tell_cost(sum(evidence.times.seconds.values()))
    written = write_bundle(replace(evidence, findings=measure_all(evidence)), work / NEW)
    install(work / NEW, bundle, out)
    return written


def _looks(request: AuditRequest, policy: Policy | None) -> Looks | None:
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


def _engine() -> tuple[ModuleType, ModuleType]:
    """The engine's side of a plan, which needs the `audit` extra: how it prepares and refuses.

    Raises:
        AuditError: the extra is not installed.
    """
    try:
        from gatekeeper.engine import prepare, refusals
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "transformers", "safetensors"}:
            raise
        raise AuditError(
            f"{error.name} is not installed",
            remedy="pip install 'moe-gatekeeper[audit]'; check and report work without it",
        ) from error
    return prepare, refusals


def _selectors(options: AuditOptions, policy: Policy | None) -> tuple[str, ...]:
    from gatekeeper import catalog

    wanted = policy.needs.selectors if policy else ()
    return tuple(dict.fromkeys(options.selectors or wanted or catalog.names("selector")))


def _ks(options: AuditOptions, policy: Policy | None) -> tuple[int, ...]:
    wanted = policy.needs.ks if policy else ()
    return tuple(sorted(set(options.ks or wanted or DEFAULT_KS)))


def _environments(options: AuditOptions, policy: Policy | None) -> bool:
    """Asked for, or needed by a rule of the policy."""
    rules = policy.rules if policy else ()
    return options.environments or any(
        rule.metric == "environment-transfer"
        and any(at.dimension not in VARIANTS for at in rule.subjects)
        for rule in rules
    )


def _controls(options: AuditOptions, policy: Policy | None) -> int:
    if options.controls is not None:
        return options.controls
    return policy.needs.random_masks if policy else 20


def _system_prompt(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        if path.stat().st_size > _LONGEST_PROMPT:
            raise UsageError(
                f"the system prompt has more than {_LONGEST_PROMPT:,} bytes",
                where=excerpt(path),
                remedy="give the file of the prompt itself",
            )
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "the system prompt cannot be read", where=excerpt(path), remedy="give a UTF-8 text file"
        ) from error
