"""The option `--audit-log`: who gave which verdict, when and on what, in a log that only grows."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper import __version__
from gatekeeper.errors import excerpt
from gatekeeper.records.verdict import EXIT_CODES

if TYPE_CHECKING:
    from gatekeeper.records.verdict import Verdict

#: What a job of GitHub's knows of who started it, and where it can be read.
_ACTOR = "GITHUB_ACTOR"
_RUN = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


def _writable(_ctx: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Refuses a log that cannot be added to before the command begins."""
    if path is not None:
        from gatekeeper.evidence.audit_log import check_log

        check_log(path)
    return path


audit_log_option = click.option(
    "--audit-log",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_writable,
    envvar="GATEKEEPER_AUDIT_LOG",
    help="Add a line to this log: who, when, which verdict on what (gatekeeper log reads it).",
)


def note_verdict(path: Path | None, command: str, verdict: Verdict) -> None:
    """Adds the line of a verdict, and says the log's new head; nothing without a log.

    Raises:
        AuditError: the log cannot be written.
    """
    told = {
        "checkpoint": verdict.checkpoint_digest,
        "evidence": verdict.evidence_digest,
        "policy": {
            "id": verdict.policy_id,
            "version": verdict.policy_version,
            "digest": verdict.policy_digest,
            "tier": verdict.tier,
        },
        "waivers": verdict.waivers_digest,
        "waived": [outcome.rule.id for outcome in verdict.waived],
        "baseline": verdict.baseline,
        "verdict": verdict.headline,
        "exit_code": int(EXIT_CODES[verdict.headline]),
    }
    note(path, command, told)


def note(path: Path | None, command: str, told: Mapping[str, Any]) -> None:
    """Adds a line about a command, and says the log's new head; nothing without a log.

    Raises:
        AuditError: the log cannot be written.
    """
    if path is None:
        return
    from gatekeeper.evidence.audit_log import append

    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    tool = f"moe-gatekeeper {__version__}"
    entry = append(path, {"at": now, "who": _who(), "command": command, "tool": tool, **told})
    click.echo(f"audit log: line {entry.seq} of {excerpt(path)}, head {entry.digest}", err=True)


def _who() -> dict[str, str]:
    """Who runs this, as far as the machine says: the user, the host, and the job of a CI."""
    try:
        user = os.environ.get(_ACTOR) or getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = f"uid {os.getuid()}"
    who = {"user": excerpt(user), "host": excerpt(platform.node())}
    run = [os.environ.get(name) for name in _RUN]
    if all(run):
        who["job"] = excerpt("{}/{}/actions/runs/{}".format(*run))
    return who
