"""What commands that give a verdict share."""

from __future__ import annotations

from pathlib import Path

import click
import rfc8785

from gatekeeper import catalog
from gatekeeper.errors import ExitCode
from gatekeeper.policy.recheck import Rechecked
from gatekeeper.policy.wire import verdict_to_json
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import Format
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.corrected_parts import GivenCard

_CODES = {
    "pass": ExitCode.PASS,
    "fail": ExitCode.FAIL,
    "inconclusive": ExitCode.INCONCLUSIVE,
}


def bundle_of(path: Path) -> Path:
    """The bundle in a path: itself, or its `evidence` directory."""
    inner = path / "evidence"
    return inner if (inner / "manifest.json").is_file() else path


def verdict_bytes(verdict: Verdict) -> bytes:
    """verdict.json."""
    return rfc8785.dumps(verdict_to_json(verdict)) + b"\n"


def exit_code(verdict: Verdict, *, fail_on: str = "block") -> int:
    """The process's answer; `fail_on="warn"` makes warning rules that did not pass count."""
    if fail_on == "warn" and verdict.result == "pass":
        results = [o.result for o in verdict.outcomes if o.rule.severity == "warn"]
        if any(result not in {"pass", "waived"} for result in results):
            return ExitCode.FAIL
    return _CODES.get(verdict.result, ExitCode.INCONCLUSIVE)


def tell_older(rechecked: Rechecked) -> None:
    """A line for findings of other metrics than the current, which were measured with those."""
    if rechecked.older:
        told = rechecked.told_older
        click.echo(f"stored findings that differ, measured with the current metrics: {told}")


def show(
    evidence: Evidence, verdict: Verdict, policy: Policy, card: GivenCard | None = None
) -> None:
    """The verdict on the terminal, through the console format."""
    from gatekeeper.report.view import build_view

    console: Format = catalog.load("format", "console")
    view = build_view(evidence, verdict, policy, card=card)
    click.echo(console.render(view, {}).decode(), nl=False)
