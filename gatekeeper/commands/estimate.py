"""`gatekeeper estimate`: what an audit will take, before anybody books a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.commands._click_options import audit_options_elsewhere, suite_option
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.audit_config import typed_options

if TYPE_CHECKING:
    from gatekeeper.estimate.estimate import Estimate
    from gatekeeper.estimate.roofline import Memory

_SCHEMA = "gatekeeper/estimate/v1"


@click.command("estimate")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@suite_option
@click.option(
    "--policy",
    "policy_path",
    type=PolicyFile(),
    help="Count what this policy needs (selectors, k, controls).",
)
@tier_option
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="cpu: this machine, measured for some seconds; or h100, h200, a100, l40s, mi300x.",
)
@click.option(
    "--gpus", type=click.IntRange(1, 100_000), help="GPUs there are; default: as few as needed."
)
@click.option("--gpu-hour-cost", type=click.FloatRange(0, 1e6), help="What a GPU costs in an hour.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@audit_options_elsewhere
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    checkpoint: Path,
    suite: Path,
    policy_path: Path | None,
    tier: str | None,
    device: str,
    gpus: int | None,
    gpu_hour_cost: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Estimate time, memory and GPUs of an audit, with all that the numbers assume.

    CHECKPOINT is a checkpoint's directory, or a config.json alone: nothing need be downloaded for a
    GPU's estimate. On cpu the checkpoint itself is run for some seconds. Times are ranges. What
    --sequential saves is not known before: its estimate is that of whole runs, and says so.

    \b
    Example:
      gatekeeper estimate ./config.json --suite suite/ --policy policies/release.yaml --device h100
      gatekeeper estimate demo/hardened --suite demo/suite --policy policies/release.yaml
    """
    from gatekeeper.audit.estimate import estimate_of
    from gatekeeper.policy.load import load_policy

    if gpu_hour_cost is not None and device == "cpu":
        raise UsageError("--gpu-hour-cost is of GPUs", remedy="give --device h100 or another")
    policy = load_policy(policy_path, tier) if policy_path else None
    typed = typed_options(suite, options)
    reporter = ProgressReporter()
    try:
        facts, estimate = estimate_of(checkpoint, typed, policy, device, gpus, reporter=reporter)
    finally:
        reporter.close()
    if as_json:
        import json

        click.echo(json.dumps(_as_json(facts, estimate, gpu_hour_cost), indent=2))
    else:
        _print(facts, estimate, gpu_hour_cost)


def _as_json(facts: dict[str, Any], estimate: Estimate, cost: float | None) -> dict[str, Any]:
    hours = list(estimate.hours)
    return {
        "schema": _SCHEMA,
        **facts,
        "device": {
            "name": estimate.device.name,
            "flops": estimate.device.flops,
            "bandwidth": estimate.device.bandwidth,
            "memory": estimate.device.memory,
        },
        "stages": [
            {"name": s.name, "rows": s.rows, "seconds": [s.low, s.high]} for s in estimate.stages
        ],
        "seconds": [estimate.low, estimate.high],
        "memory": {
            "weights": estimate.memory.weights,
            "cache": estimate.memory.cache,
            "logits": estimate.memory.logits,
            "working": estimate.memory.working,
            "beside": estimate.memory.beside,
        },
        "devices": estimate.devices,
        "devices_per_replica": estimate.per_replica,
        "device_hours": hours,
        "cost": None if cost is None else [hour * cost for hour in hours],
        "assumptions": list(estimate.assumptions),
    }


def _print(facts: dict[str, Any], estimate: Estimate, cost: float | None) -> None:
    device, needed = estimate.device, estimate.memory
    click.echo(
        f"model        {excerpt(facts['source'])}: {facts['parameters']:,} parameters, of which "
        f"{facts['active_parameters']:,} work on a token"
    )
    click.echo(
        f"device       {device.name}: {device.flops / 1e12:,.3g} TFLOP/s, "
        f"{device.bandwidth / 1e9:,.4g} GB/s, {device.memory / 1e9:,.0f} GB ({facts['rates']})"
    )
    click.echo(
        f"prompts      {facts['selecting']} select, {facts['measuring']} measure; {facts['tokens']}"
    )
    click.echo(
        f"masks        {facts['plain_masks']} on every prompt, {facts['control_masks']} on regular "
        "ones"
    )
    if facts["sequential"]:
        click.echo("sequential   not counted: all that follows is of whole runs, an upper bound")
    click.echo(f"batch        {facts['batch_rows']} rows, W = {facts['new_tokens']}")
    _print_stages(estimate)
    click.echo(f"memory       {_memory(needed)}")
    if facts["rates"] == "published":
        low, high = estimate.hours
        click.echo(
            f"GPUs         {estimate.devices}, of which a copy of the model needs "
            f"{estimate.per_replica}: {low:,.3g} to {high:,.3g} GPU hours"
        )
        if cost is not None:
            click.echo(
                f"money        {low * cost:,.2f} to {high * cost:,.2f}, at {cost:,.2f} an hour"
            )
    click.echo("\nassumed")
    for line in estimate.assumptions:
        click.echo(f"- {line}")


def _memory(needed: Memory) -> str:
    """What is needed, and of what it is the sum; as audits tell it where they need it of a host."""
    if needed.beside:
        return (
            f"{needed.total / 1e9:,.1f} GB in all: weights {needed.weights / 1e9:,.1f}, working "
            f"memory {needed.working / 1e9:,.1f}, the program {needed.beside / 1e9:,.1f}"
        )
    return (
        f"{needed.total / 1e9:,.3g} GB: weights {needed.weights / 1e9:,.3g}, cache "
        f"{needed.cache / 1e9:,.3g}, logits {needed.logits / 1e9:,.3g}, working memory "
        f"{needed.working / 1e9:,.3g}"
    )


def _print_stages(estimate: Estimate) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="")
    table.add_column("stage")
    table.add_column("rows", justify="right")
    table.add_column("time", justify="right")
    for stage in estimate.stages:
        rows_told = f"{stage.rows:,}" if stage.rows else ""
        table.add_row(stage.name, rows_told, _span(stage.low, stage.high))
    rows = sum(stage.rows for stage in estimate.stages)
    table.add_row("in all", f"{rows:,}", _span(estimate.low, estimate.high))
    click.echo()
    Console().print(table)
    click.echo()


def _span(low: float, high: float) -> str:
    unit, word = next(
        (u, w) for u, w in ((3600, "h"), (60, "min"), (1, "s")) if high >= u or u == 1
    )
    return f"{low / unit:,.1f} to {high / unit:,.1f} {word}"
