"""`gatekeeper audit`: a checkpoint to an evidence bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gatekeeper.commands._audit_options import AuditOptions, audit_options, suite_option
from gatekeeper.commands._auditing import perform, plan, tell_left_out
from gatekeeper.commands._output import check_output, keeping_earlier, output_directory
from gatekeeper.commands._progress import ProgressReporter


@click.command("audit")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@suite_option
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Directory for the evidence."
)
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    help="Measure what this policy needs (selectors, k, controls).",
)
@click.option("--overwrite", is_flag=True, help="Replace a finished audit in --out.")
@audit_options
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    checkpoint: Path, out: Path, policy_path: Path | None, overwrite: bool, **options: Any
) -> None:
    """Measure a checkpoint and write an evidence bundle.

    Interrupted, it goes on where it stopped when the same command is run again.

    \b
    Example:
      gatekeeper audit ./checkpoint --suite suite/ --policy policies/release.yaml --out evidence/
    """
    from gatekeeper.policy.load import load_policy

    policy = load_policy(policy_path) if policy_path else None
    check_output(out, overwrite=overwrite)
    asked = AuditOptions(**options)
    reporter = ProgressReporter(gpu_hour_cost=asked.gpu_hour_cost)
    with keeping_earlier(out):
        request = plan(checkpoint, asked, policy)
        with output_directory(out, overwrite=overwrite) as work:
            evidence = perform(request, out, out, work, reporter, policy)
    click.echo(f"Evidence of {len(evidence.trials)} trials in {out} ({evidence.digest})")
    tell_left_out(evidence)
