"""The release gate as one call: audit, verdict, reports. `run` and `demo` are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gatekeeper.commands._auditing import AuditOptions, perform, plan
from gatekeeper.commands._output import check_output, output_directory
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.commands._reporting import write_reports
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.evidence.bundle import write_bytes
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.disclosure import Disclosure

#: What `run` writes unless told otherwise; each is read by someone (docs/outputs in the README).
FORMATS = ("pdf", "markdown", "json", "junit")

#: Inside --out.
BUNDLE, VERDICT, POLICY = "evidence", "verdict.json", "policy.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What came of one gate."""

    evidence: Evidence
    verdict: Verdict
    reports: tuple[Path, ...]


def run_gate(
    checkpoint: Path,
    options: AuditOptions,
    policy: Policy,
    policy_path: Path,
    out: Path,
    *,
    formats: Sequence[str],
    level: Disclosure,
    lang: str,
    overwrite: bool,
    reporter: ProgressReporter,
) -> GateResult:
    """Audits, judges and reports into `out`. The verdict is on disk before any report is made.

    Raises:
        GatekeeperError: any of the parts'; evidence that was finished stays.
    """
    preflight(formats)
    check_output(out, overwrite=overwrite)
    request = plan(checkpoint, options, policy)
    with output_directory(out, overwrite=overwrite) as work:
        evidence = perform(request, out / BUNDLE, work, reporter)
    verdict = evaluate(evidence, policy, datetime.now(UTC).date())
    # The policy stands beside its verdict, so that `verify` can derive the one from the other.
    write_bytes(out / POLICY, policy_path.read_bytes())
    write_bytes(out / VERDICT, verdict_bytes(verdict))
    reports = write_reports(evidence, verdict, policy, out / BUNDLE, out, formats, level, lang)
    return GateResult(evidence=evidence, verdict=verdict, reports=tuple(reports))


def preflight(formats: Sequence[str]) -> None:
    """Fails before hours of work rather than after them.

    Raises:
        UsageError: an unknown format.
        AuditError: PDF is wanted and its libraries are missing.
    """
    from gatekeeper import catalog

    for name in formats:
        catalog.load("format", name)
    if "pdf" in formats:
        from gatekeeper.formats.pdf import load_weasyprint

        load_weasyprint()
