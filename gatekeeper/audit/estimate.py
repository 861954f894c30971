"""Estimates an audit from its options."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatekeeper.audit.reasoning import thought_of, with_thought
from gatekeeper.audit.resolve_options import check_sizes, reasoning_of, resolve
from gatekeeper.audit.system_prompt import own_system_prompt_of, system_prompt_of
from gatekeeper.errors import AuditError, UsageError, excerpt
from gatekeeper.estimate.prompt_lengths import CHARACTERS, approximate_lengths
from gatekeeper.records.audit_config import AuditConfig, TypedOptions

if TYPE_CHECKING:
    from gatekeeper.checkpoint.open import Checkpoint
    from gatekeeper.engine.calibrate import Calibration
    from gatekeeper.engine.progress import Reporter
    from gatekeeper.estimate.estimate import Estimate
    from gatekeeper.estimate.hardware import Device
    from gatekeeper.estimate.roofline import Memory, Shape
    from gatekeeper.estimate.workload import Plan
    from gatekeeper.records.model import ModelDescription
    from gatekeeper.records.policy import Policy
    from gatekeeper.records.suite import Suite


def estimate_of(
    checkpoint: Path,
    options: TypedOptions,
    policy: Policy | None,
    device: str,
    gpus: int | None,
    clock: Callable[[], float] = time.perf_counter,
    reporter: Reporter | None = None,
) -> tuple[dict[str, Any], Estimate]:
    """Facts that the estimate rests on, and the estimate.

    Args:
        clock: what a calibration goes by.
        reporter: is told how far it is.

    Raises:
        GatekeeperError: the suite, the checkpoint or an option is not fit for an estimate.
    """
    from gatekeeper.estimate.hardware import DEVICES
    from gatekeeper.suites.read import read_suite

    if device != "cpu" and device not in DEVICES:
        raise UsageError(
            f"no rates of {excerpt(device)!r} are known",
            remedy=f"use cpu, {', '.join(DEVICES)}",
        )
    suite = read_suite(options.suite)
    for path in options.inputs.also_system_prompts:
        system_prompt_of(path)  # variants are not counted, but the audit would not begin
    sequential = resolve(options, policy).sequential is not None
    if device == "cpu":
        facts, estimate = _here(checkpoint, options, policy, suite, clock, reporter)
    else:
        facts, estimate = _published(checkpoint, options, policy, suite, DEVICES[device], gpus)
    if sequential:
        estimate = replace(estimate, assumptions=(_whole_runs(), *estimate.assumptions))
    return {**facts, "sequential": sequential}, estimate


def _whole_runs() -> str:
    """The assumption about an audit whose masks may stop early: all runs are counted whole.

    No share of the rows is told: it hangs on the very values that the audit is to find.
    """
    from gatekeeper.analysis.order import FIRST

    return (
        "--sequential is not counted: rows are those of whole runs, an upper bound. A mask stops "
        f"after {FIRST} prompts of a set at the earliest, and near a limit not at all; looks taken "
        "early make smaller batches, so that a row then takes longer"
    )


def _published(
    checkpoint: Path,
    options: TypedOptions,
    policy: Policy | None,
    suite: Suite,
    device: Device,
    gpus: int | None,
) -> tuple[dict[str, Any], Estimate]:
    """Estimates from the config alone, for a device whose rates are published."""
    from gatekeeper.estimate.estimate import fitting_rows, on_device
    from gatekeeper.estimate.model_size import config_only, shape_of, stored_bytes
    from gatekeeper.estimate.preparation import with_assumed
    from gatekeeper.estimate.roofline import Format
    from gatekeeper.estimate.stand_in import planned

    opened = config_only(checkpoint)
    described = _described(checkpoint)
    shape = shape_of(opened, described)
    experts = described.maskable_experts if described else sum(e for e, _ in shape.moe)
    config = resolve(options, policy and policy.sized(experts))
    check_sizes(options, experts)
    system = own_system_prompt_of(options.inputs.system_prompt)
    weight = stored_bytes(opened) if config.dtype != "float32" else 4.0
    kind = Format(weight=weight, cache=max(2.0, weight))
    lengths = approximate_lengths(suite, system)
    thought = thought_of(checkpoint, reasoning_of(options, policy))
    longest, window = max(lengths.values()), config.max_new_tokens + thought
    rows = options.execution.batch_rows or fitting_rows(longest, window, shape, kind, device)
    sites = described.maskable_sites if described else shape.sites
    plan = planned(suite, config, sites, lengths, rows, thought)
    bare = on_device(plan, shape, kind, device, gpus)
    size = (described.parameters if described else shape.parameters) * stored_bytes(opened)
    estimate = with_assumed(with_thought(bare, thought), size)
    tokens = f"about {CHARACTERS:g} characters to a token (no tokenizer was used)"
    source = opened.source if described else checkpoint.name
    return _facts(source, _sizes(described, shape), plan, "published", tokens), estimate


def _described(checkpoint: Path) -> ModelDescription | None:
    """What the weights' headers say, where there are weights."""
    from gatekeeper.checkpoint.describe import describe
    from gatekeeper.checkpoint.open import open_checkpoint

    if not checkpoint.is_dir() or not any(checkpoint.glob("*.safetensors")):
        return None
    return describe(open_checkpoint(checkpoint))


def _here(
    checkpoint: Path,
    options: TypedOptions,
    policy: Policy | None,
    suite: Suite,
    clock: Callable[[], float],
    reporter: Reporter | None,
) -> tuple[dict[str, Any], Estimate]:
    """Estimates for this machine, by running the checkpoint for some seconds.

    Raises:
        UsageError: there are no weights to run.
        AuditError: the extra is not installed.
    """
    from gatekeeper.checkpoint.describe import describe
    from gatekeeper.checkpoint.open import open_checkpoint
    from gatekeeper.estimate.estimate import FASTER, SLOWER, on_this_machine
    from gatekeeper.estimate.model_size import shape_of
    from gatekeeper.estimate.preparation import with_preparation

    if checkpoint.is_file():
        raise UsageError(
            "this machine is measured with the model itself, and there are no weights",
            where=excerpt(checkpoint),
            remedy="give the checkpoint's directory, or --device h100 or another",
        )
    opened = open_checkpoint(checkpoint)
    description = describe(opened)
    shape = shape_of(opened, description)
    check_sizes(options, description.maskable_experts)
    policy = policy and policy.sized(description.maskable_experts)
    config = resolve(options, policy)
    plan, measured, preparing, needed = _calibrated(
        opened, description, shape, options, config, policy, suite, clock, reporter
    )
    bare = on_this_machine(
        plan,
        shape,
        measured.device,
        measured.efficiency,
        measured.alive,
        measured.element,
        needed=needed,
    )
    parts = (*preparing, measured.self_test)
    spans = [(part * FASTER, part * SLOWER) for part in parts]
    estimate = with_preparation(with_thought(bare, plan.thought), *spans)
    sizes = _sizes(description, shape)
    return _facts(opened.source, sizes, plan, "measured", "counted by its tokenizer"), estimate


def _calibrated(
    opened: Checkpoint,
    description: ModelDescription,
    shape: Shape,
    options: TypedOptions,
    config: AuditConfig,
    policy: Policy | None,
    suite: Suite,
    clock: Callable[[], float],
    reporter: Reporter | None,
) -> tuple[Plan, Calibration, tuple[float, float], Memory]:
    """The plan, what some of its trials took here, the seconds that hashing would take and loading
    took, and the memory that the audit needs.
    """
    try:
        from gatekeeper.audit.room import placed
        from gatekeeper.engine.calibrate import calibrate
        from gatekeeper.engine.generate.batch_size import fitting_rows
        from gatekeeper.engine.generate.batching import encode
        from gatekeeper.engine.model.host_memory import total_memory
        from gatekeeper.engine.model.load import load_model, pick_device
        from gatekeeper.engine.model.unsupported import refuse_unauditable
        from gatekeeper.estimate.preparation import seconds_to_hash
        from gatekeeper.estimate.stand_in import planned
    except ModuleNotFoundError as error:
        raise AuditError(
            f"{error.name} is not installed",
            remedy="pip install 'moe-gatekeeper[audit]', or estimate for --device h100",
        ) from error

    refuse_unauditable(opened)
    device = pick_device("cpu")
    system = own_system_prompt_of(options.inputs.system_prompt)
    reasoning = reasoning_of(options, policy)
    dtype, needed = placed(
        opened,
        description,
        suite,
        config,
        system_prompt=system,
        reasoning=reasoning,
        batch_rows=options.execution.batch_rows,
    )
    if reporter is not None:
        reporter.stage("hash")
    hashing = seconds_to_hash((opened.path / name for name in opened.files()), clock)
    if reporter is not None:
        reporter.stage("weights")
    begun = clock()
    progress = None if reporter is None else reporter.advance
    loaded = load_model(opened.path, description, device=device, dtype=dtype, progress=progress)
    loading = clock() - begun
    window = config.max_new_tokens
    encoded = encode(loaded, suite.prompts, system, window, reasoning.thinking)
    usable = [e for e in encoded if e.skipped is None]
    lengths = {e.prompt.id: len(e.ids) for e in usable}
    usable_suite = replace(suite, prompts=tuple(e.prompt for e in usable))
    thought = thought_of(opened.path, reasoning)
    if loaded.context_length is not None:
        thought = min(thought, loaded.context_length - max(lengths.values()) - window)
    rows = options.execution.batch_rows or fitting_rows(loaded, usable, window + thought, None)
    plan = planned(usable_suite, config, description.maskable_sites, lengths, rows, thought)
    memory = float(total_memory())
    found = calibrate(loaded, shape, plan, usable, memory, clock, reporter)
    return plan, found, (hashing, loading), needed


def _sizes(described: ModelDescription | None, shape: Shape) -> tuple[int, int]:
    """By the weights' headers, as `inspect` counts; of a config alone, without norms and biases."""
    if described is None:
        return shape.parameters, shape.active
    return described.parameters, described.active_parameters


def _facts(
    source: str, sizes: tuple[int, int], plan: Plan, rates: str, tokens: str
) -> dict[str, Any]:
    """What is told of the model and of the work; sizes are parameters, and those of a token."""
    sides = plan.sides()
    return {
        "source": source,
        "parameters": sizes[0],
        "active_parameters": sizes[1],
        "rates": rates,
        "tokens": tokens,
        "selecting": sum(len(selecting) for selecting, _ in sides),
        "measuring": sum(len(measuring) for _, measuring in sides),
        "plain_masks": len(plan.run_on("benign")),
        "control_masks": len(plan.run_on("regular")) - len(plan.run_on("benign")),
        "batch_rows": plan.batch_rows,
        "new_tokens": plan.new_tokens,
    }
