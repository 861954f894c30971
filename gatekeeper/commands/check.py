"""`gatekeeper check`: evidence and a policy to a verdict."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from gatekeeper.commands._memory import uncollected


@click.command("check")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path), required=True, help="YAML policy."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the verdict as JSON to this file."
)
@click.option(
    "--fail-on",
    type=click.Choice(["block", "warn"]),
    default="block",
    show_default=True,
    help="warn: a warning rule that did not pass fails the gate too.",
)
@uncollected()
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    evidence: Path, policy_path: Path, out: Path | None, fail_on: str
) -> int:
    """Hold stored evidence against a policy and give the verdict.

    Works without torch. EVIDENCE is a bundle directory, or the output of `gatekeeper run`.

    \b
    Example:
      gatekeeper check out/evidence --policy policies/strict.yaml
    """
    from gatekeeper.commands._verdicts import bundle_of, exit_code, show, verdict_bytes
    from gatekeeper.evidence.bundle import check_writable, read_bundle, write_bytes
    from gatekeeper.policy.evaluate import evaluate
    from gatekeeper.policy.load import load_policy
    from gatekeeper.policy.recheck import recheck_findings

    if out is not None:
        check_writable(out)
    policy = load_policy(policy_path)
    read = read_bundle(bundle_of(evidence))
    recheck_findings(read)
    verdict = evaluate(read, policy, datetime.now(UTC).date())
    if out is not None:
        write_bytes(out, verdict_bytes(verdict))
    show(read, verdict, policy)
    return exit_code(verdict, fail_on=fail_on)
