"""The release gate as one call: audit, verdict, reports. `run` and `demo` are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.audit.plan import plan
from gatekeeper.commands._auditing import perform, warn
from gatekeeper.commands._cards import check_card
from gatekeeper.commands._compared import Release, compared_with
from gatekeeper.commands._judged import judge
from gatekeeper.commands._output import (
    check_output,
    discard_work,
    holds_audit,
    keeping_earlier,
    output_directory,
)
from gatekeeper.commands._outputs import record_outputs
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.commands._reporting import source_date, write_reports
from gatekeeper.commands._verdicts import replaced_policy, verdict_bytes
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.evidence.bundle import read_bundle, write_bytes
from gatekeeper.records.audit_config import TypedOptions
from gatekeeper.records.bundle_files import BUNDLE, POLICY, VERDICT, WAIVERS
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.parts import Layout
from gatekeeper.report.wording import load_wording
from gatekeeper.verify.verify import recheck

if TYPE_CHECKING:  # torch is behind it
    from gatekeeper.audit.request import AuditRequest
    from gatekeeper.engine.torchrun.ranks import Ranks
    from gatekeeper.evidence.pades import PdfSigner

#: What `run` writes unless told otherwise; each is read by someone (docs/outputs in the README).
FORMATS = ("pdf", "markdown", "json", "junit")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """The evidence, verdict and reports of one gate."""

    evidence: Evidence
    verdict: Verdict
    reports: tuple[Path, ...]


def run_gate(
    checkpoint: Path,
    typed: TypedOptions,
    policy: Policy,
    out: Path,
    *,
    formats: Sequence[str],
    level: Disclosure,
    lang: str,
    layout: Layout,
    overwrite: bool,
    reporter: ProgressReporter,
    fail_on: str = "block",
    card: GivenCard | None = None,
    release: Release | None = None,
    ranks: Ranks | None = None,
    pdf_signer: PdfSigner | None = None,
) -> GateResult:
    """Audits, judges and reports into `out`. The verdict is on disk before any report is made.

    Where an earlier call was stopped after its audit, only what is still missing is made.

    Args:
        fail_on: which rules keep the verdict from passing, see `policy.evaluate`.
        release: the last one, to compare with; see `policy.evaluate`.
        ranks: this process, as rank 0 of those that hold the model.
        pdf_signer: see `write_reports`.

    Raises:
        GatekeeperError: any of the parts'; evidence that was finished stays.
    """
    preflight(formats, lang)
    replaces = replaced_policy(policy, out)
    finished = not overwrite and _lacks_results(out, formats)
    if not finished:
        check_output(out, overwrite=overwrite)
    with keeping_earlier(out):
        request = plan(checkpoint, typed, policy, warn)
        _check_card(card, request)
        if finished:
            evidence = _finished_evidence(request, out)
            discard_work(out)
        else:
            with output_directory(out, overwrite=overwrite) as work:
                evidence = perform(request, out / BUNDLE, out, work, reporter, policy, ranks)
    verdict, asked = judge(
        evidence,
        policy,
        datetime.now(UTC).date(),
        fail_on=fail_on,
        card=None if card is None else card.card,
        replaces=replaces,
        baseline=None if release is None else release.evidence,
    )
    compared = compared_with(evidence, verdict, policy, release)
    write_verdict(evidence, verdict, policy, out)
    made = (evidence, verdict, policy, out / BUNDLE, out, formats, level, lang, card, asked)
    reports = write_reports(*made, layout, pdf_signer, compared)
    return GateResult(evidence=evidence, verdict=verdict, reports=tuple(reports))


def write_verdict(evidence: Evidence, verdict: Verdict, policy: Policy, out: Path) -> None:
    """Writes policy and waivers beside their verdict, so that `verify` can derive it from them."""
    files = {POLICY: policy.text, VERDICT: verdict_bytes(verdict)}
    if policy.waivers_text:
        files[WAIVERS] = policy.waivers_text
    for name in sorted(files, key=lambda name: name == VERDICT):
        write_bytes(out / name, files[name])
    gone = {WAIVERS} - files.keys()
    for name in gone:
        (out / name).unlink(missing_ok=True)
    record_outputs(out, out / BUNDLE, evidence, files, gone=gone)


def _check_card(card: GivenCard | None, request: AuditRequest) -> None:
    """Refuses a card of another judge, before hours of work rather than after them.

    Raises:
        UsageError: see `check_card`.
    """
    if card is not None:
        from gatekeeper.engine.judges.judging import open_judge

        judge = open_judge(request.judge, request.judge_options)
        check_card(card, judge.id, judge.version, judge.settings)


def _lacks_results(out: Path, formats: Sequence[str]) -> bool:
    """Whether `out` holds the finished evidence of a gate that came no further."""
    from gatekeeper import catalog

    wanted = [VERDICT, POLICY, *(catalog.load("format", name).filename for name in formats)]
    return holds_audit(out / BUNDLE) and not all((out / name).is_file() for name in wanted)


def _finished_evidence(request: AuditRequest, out: Path) -> Evidence:
    """The evidence in `out`, if it is what this very request would have made.

    Raises:
        UsageError: it is of another checkpoint, suite or settings.
        EvidenceError: it does not verify.
    """
    from gatekeeper.audit.settings import is_audit_of

    evidence = recheck(read_bundle(out / BUNDLE)).evidence
    if not is_audit_of(request, evidence):
        raise UsageError(
            "holds a finished audit of another checkpoint, suite or settings",
            where=excerpt(out),
            remedy="choose another --out, or add --overwrite",
        )
    return evidence


def preflight(formats: Sequence[str], lang: str) -> None:
    """Refuses reports that cannot be made, before hours of work rather than after them.

    Raises:
        UsageError: an unknown format or language, or SOURCE_DATE_EPOCH is no time.
        AuditError: PDF is wanted and its libraries are missing.
    """
    from gatekeeper import catalog

    for name in formats:
        catalog.load("format", name)
    load_wording(lang)
    source_date()
    if "pdf" in formats:
        from gatekeeper.formats.pdf import load_weasyprint

        load_weasyprint()
