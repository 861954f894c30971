"""`gatekeeper doctor`: what this machine lacks, and what to type about it."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.errors import ExitCode

_SCHEMA = "gatekeeper/doctor/v1"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a list.")
def doctor(as_json: bool) -> int:
    """Check what this machine has: versions, GPU, memory, disk, libraries for the PDF.

    Each line is `ok`, `missing` (with what to type) or `note`: nothing fails without it. Exits with
    0 if an audit can run here, else 3; without the libraries for the PDF, all other formats work.

    \b
    Example:
      gatekeeper doctor
      gatekeeper doctor --json
    """
    from dataclasses import asdict

    from gatekeeper.engine.machine import checks

    results = checks(Path.cwd())
    can_audit = all(check.ok for check in results if check.needed_for == "audit")
    can_pdf = all(check.ok for check in results if check.needed_for == "pdf")
    if as_json:
        import json

        result = {"schema": _SCHEMA, "can_audit": can_audit, "can_pdf": can_pdf}
        rows = [{**asdict(c), "remedy": None if c.ok else c.remedy} for c in results]
        click.echo(json.dumps({**result, "checks": rows}, indent=2))
    else:
        for check in results:
            word = "ok" if check.ok else "note" if check.needed_for == "speed" else "missing"
            click.echo(f"{word:8} {check.name:16} {check.found}")
            if not check.ok and check.remedy:
                click.echo(f"{'':25} → {check.remedy}")
        click.echo(f"audit: {_can(can_audit)}, PDF reports: {_can(can_pdf)}")
    return ExitCode.PASS if can_audit else ExitCode.AUDIT_FAILED


def _can(possible: bool) -> str:
    return "possible here" if possible else "not possible here"


COMMAND = doctor
