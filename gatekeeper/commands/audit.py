"""`gatekeeper audit`: a checkpoint to an evidence bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.audit.plan import plan
from gatekeeper.commands._audit_log import audit_log_option, note
from gatekeeper.commands._auditing import perform, tell_left_out, warn
from gatekeeper.commands._click_options import audit_options, suite_option
from gatekeeper.commands._output import check_output, keeping_earlier, output_directory
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.commands._ranks import follow, in_step
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import ExitCode
from gatekeeper.records.audit_config import TypedOptions, typed_options

if TYPE_CHECKING:  # torch is behind it
    from gatekeeper.engine.torchrun.ranks import Ranks
    from gatekeeper.records.evidence import Evidence


@click.command("audit")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@suite_option
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Directory for the evidence."
)
@click.option(
    "--policy",
    "policy_path",
    type=PolicyFile(),
    help="Measure what this policy needs (selectors, k, controls).",
)
@tier_option
@click.option("--overwrite", is_flag=True, help="Replace a finished audit in --out.")
@audit_log_option
@audit_options
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    checkpoint: Path,
    suite: Path,
    out: Path,
    policy_path: Path | None,
    tier: str | None,
    overwrite: bool,
    audit_log: Path | None,
    **options: Any,
) -> int:
    """Measure a checkpoint and write an evidence bundle.

    Interrupted, it goes on where it stopped when the same command is run again.

    \b
    Example:
      gatekeeper audit ./checkpoint --suite suite/ --policy policies/release.yaml --out evidence/
    """
    typed = typed_options(suite, options)

    def lead(ranks: Ranks | None) -> int:
        evidence = _lead(checkpoint, out, policy_path, tier, typed, ranks, overwrite=overwrite)
        click.echo(f"Evidence of {len(evidence.trials)} trials in {out} ({evidence.digest})")
        tell_left_out(evidence)
        told = {"checkpoint": evidence.checkpoint.digest, "evidence": evidence.digest}
        note(audit_log, "audit", told)
        return ExitCode.PASS

    return in_step(typed, lead, lambda ranks: follow(checkpoint, typed, policy_path, tier, ranks))


def _lead(
    checkpoint: Path,
    out: Path,
    policy_path: Path | None,
    tier: str | None,
    typed: TypedOptions,
    ranks: Ranks | None,
    *,
    overwrite: bool,
) -> Evidence:
    """Runs the audit, in this process or as rank 0."""
    from gatekeeper.policy.load import load_policy

    policy = load_policy(policy_path, tier) if policy_path else None
    check_output(out, overwrite=overwrite)
    reporter = ProgressReporter(gpu_hour_cost=typed.execution.gpu_hour_cost)
    with keeping_earlier(out):
        request = plan(checkpoint, typed, policy, warn)
        with output_directory(out, overwrite=overwrite) as work:
            return perform(request, out, out, work, reporter, policy, ranks)
