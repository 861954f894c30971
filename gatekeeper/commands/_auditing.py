"""Carries out an audit for `audit` and `run`: from a request to evidence in a directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.audit.plan import looks_of
from gatekeeper.commands._heartbeat import HEARTBEAT
from gatekeeper.commands._ledger import counted
from gatekeeper.commands._output import NEW, install
from gatekeeper.commands._progress import ProgressReporter, duration
from gatekeeper.errors import REASON, excerpt

if TYPE_CHECKING:  # numpy and torch are behind these; --help has no use for them
    from gatekeeper.audit.request import AuditRequest
    from gatekeeper.engine.torchrun.ranks import Ranks
    from gatekeeper.records.evidence import Evidence
    from gatekeeper.records.policy import Policy


#: What rank 0 says when the others are to begin; its exit code follows, also where they are not.
AUDIT = "audit"


def warn(text: str) -> None:
    """Prints a warning, which stops nothing, on stderr."""
    click.echo(f"warning: {text}", err=True)


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
        GatekeeperError: see `audit.run.run_audit` and `evidence.bundle.write_bundle`.
    """

    from gatekeeper.audit.devices import devices_of
    from gatekeeper.audit.run import name_of, run_audit
    from gatekeeper.evidence.bundle import write_bundle
    from gatekeeper.metrics import with_findings

    if ranks is not None:
        ranks.share(AUDIT)
    _tell_unfinished(work, name_of(request), reporter)
    reporter.begin(work / HEARTBEAT, devices_of(request.execution))
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


def _tell_unfinished(work: Path, audit: str, reporter: ProgressReporter) -> None:
    """Says that an audit goes on where it was stopped, or takes the place of another one."""
    from gatekeeper.evidence.trial_store import STORE, unfinished

    left = unfinished(work / STORE, audit)
    if left is None:
        return
    done = f"{left.replies:,} replies in {duration(left.seconds)}"
    if left.same:
        reporter.tell(f"going on with the audit that was stopped here: {done} are done")
    else:
        reporter.tell(
            f"an unfinished audit with other options is here ({done}): this one takes its place, "
            "and only what both need is used again"
        )


def tell_left_out(evidence: Evidence) -> None:
    """Prints each selector and kind of environment that could not be run, with the reason."""
    from gatekeeper.analysis.environments import untold_parts

    for dimension in untold_parts(evidence):
        click.echo(f"left out: environments by {dimension}: no two parts have enough seeds")
    for name, reason in evidence.skipped_selectors.items():
        click.echo(f"left out: selector {name}: {excerpt(reason, REASON)}")
