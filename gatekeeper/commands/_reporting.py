"""Writes reports, for `report`, `run` and `demo`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper import catalog
from gatekeeper.commands._compared import as_read, compared_bytes, without_experts
from gatekeeper.commands._judged import Asked
from gatekeeper.commands._outputs import belongs_to, record_outputs
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.commands._what_if import what_if
from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.evidence.bundle import write_bytes
from gatekeeper.evidence.manifest import sha256
from gatekeeper.evidence.outputs import OWN, MadeReport
from gatekeeper.formats.html import WHAT_IF
from gatekeeper.policy.recalled import HEAD
from gatekeeper.records.bundle_files import (
    COMPARED,
    DISCLOSED,
    EVIDENCE,
    MANIFEST,
    PDF,
    POLICY,
    VERDICT,
    WAIVERS,
)
from gatekeeper.records.compared import Compared
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import Format
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.report.disclosed import disclosed_bytes
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.parts import DEFAULT_LAYOUT, Layout, ReportView
from gatekeeper.report.tool import tool
from gatekeeper.report.view import build_view
from gatekeeper.verify.disclosed import follows

if TYPE_CHECKING:
    from gatekeeper.evidence.pades import PdfSigner

#: Files of a bundle that may travel inside a report; its level decides which do.
_ATTACHED = (EVIDENCE, MANIFEST)


def write_reports(
    evidence: Evidence,
    verdict: Verdict,
    policy: Policy,
    bundle_dir: Path,
    out_dir: Path,
    formats: Sequence[str],
    level: Disclosure = Disclosure.COMMITTEE,
    lang: str = "en",
    card: GivenCard | None = None,
    asked: Asked | None = None,
    layout: Layout = DEFAULT_LAYOUT,
    pdf_signer: PdfSigner | None = None,
    compared: Compared | None = None,
) -> list[Path]:
    """Renders `formats` into `out_dir`; each file appears whole or not at all.

    The document is dated by SOURCE_DATE_EPOCH if that is set, else by the end of the audit, so
    that the same evidence, policy and day give the same bytes.

    Args:
        asked: what the verdict asked of the evidence; None: nothing that a reader could derive it
            from goes into a report.
        pdf_signer: signs PDFs, whose bytes are the same up to there.
        compared: the audit beside the last release; kept beside the reports, where these lie with
            their evidence.

    Returns:
        The files written, in the order of `formats`.

    Raises:
        UsageError: unknown format or language, or SOURCE_DATE_EPOCH is no time.
        EvidenceError: the bundle lacks a file that belongs inside a report.
        AuditError: a PDF is asked for and cannot be made, or signed, on this machine.
    """
    chosen = [catalog.load("format", name) for name in dict.fromkeys(formats)]
    if not chosen:
        return []
    compared = as_read(compared, evidence)
    made_with = (evidence, verdict, policy, bundle_dir, level, lang, source_date(), card, asked)
    given = Given(*made_with, layout, compared)
    rendered = render_all(given, chosen)
    made = {fmt.filename: made_report(fmt.id, given) for fmt in chosen}
    if pdf_signer is not None and PDF in rendered:
        rendered[PDF] = pdf_signer.sign(rendered[PDF])
        made[PDF] = replace(made[PDF], signer=pdf_signer.digest)
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, data in rendered.items():
        write_bytes(out_dir / name, data, private=level is Disclosure.RESTRICTED)
    kept = {}
    if compared is not None and belongs_to(out_dir, bundle_dir):
        kept[COMPARED] = compared_bytes(compared, evidence)
        write_bytes(out_dir / COMPARED, kept[COMPARED], private=level is Disclosure.RESTRICTED)
    record_outputs(out_dir, bundle_dir, evidence, {**rendered, **kept}, made)
    return [out_dir / name for name in rendered]


def render_reports(
    evidence: Evidence,
    verdict: Verdict,
    policy: Policy,
    bundle_dir: Path,
    formats: Sequence[str],
    level: Disclosure = Disclosure.COMMITTEE,
    lang: str = "en",
    card: GivenCard | None = None,
) -> dict[str, bytes]:
    """The bytes of each report by file name, with a warning of what a format cannot write.

    Raises:
        See `write_reports`.
    """
    chosen = [catalog.load("format", name) for name in dict.fromkeys(formats)]
    given = Given(evidence, verdict, policy, bundle_dir, level, lang, source_date(), card)
    return render_all(given, chosen)


@dataclass(frozen=True, slots=True)
class Given:
    """All that reports are made from."""

    evidence: Evidence
    verdict: Verdict
    policy: Policy
    bundle: Path
    level: Disclosure
    lang: str
    created: datetime | None
    card: GivenCard | None
    asked: Asked | None = None
    layout: Layout = DEFAULT_LAYOUT
    compared: Compared | None = None

    @property
    def shown(self) -> Compared | None:
        """The comparison as far as the level shows it."""
        public = self.level is Disclosure.PUBLIC
        return without_experts(self.compared) if public else self.compared

    @property
    def view(self) -> ReportView:
        """The view that formats are handed."""
        return build_view(
            self.evidence,
            self.verdict,
            self.policy,
            self.level,
            self.lang,
            self.created,
            self.card,
            self.layout,
            self.shown,
        )


def render_all(given: Given, chosen: Sequence[Format]) -> dict[str, bytes]:
    """The bytes of each report by file name; raises as `write_reports`."""
    view = given.view
    files = {VERDICT: verdict_bytes(given.verdict), **_bundle_files(given.bundle, given.evidence)}
    carried: dict[str, bytes] = {}
    if any(fmt.attaches for fmt in chosen):
        carried = {**files, **_carried(given, view.document.created)}
    slid = {WHAT_IF: what_if(given, view)} if any(fmt.slides for fmt in chosen) else {}
    reports = {
        fmt.filename: fmt.render(view, carried if fmt.attaches else slid if fmt.slides else files)
        for fmt in chosen
    }
    for fmt in chosen:
        if lacking := fmt.lacks(view):
            click.echo(f"gatekeeper: warning: {fmt.filename}: {lacking}", err=True)
    return reports


def made_report(name: str, given: Given) -> MadeReport:
    """What a report is made with, for whoever makes it again."""
    verdict = given.verdict
    return MadeReport(
        format=name,
        level=str(given.level),
        lang=given.lang,
        date=given.view.document.created.isoformat(),
        tool=tool(),
        verdict=sha256(verdict_bytes(verdict)),
        judged_on=verdict.judged_on.isoformat(),
        fail_on=verdict.fail_on,
        policy=verdict.policy_digest,
        waivers=verdict.waivers_digest,
        card=None if given.card is None else given.card.digest,
        template=given.layout.template,
        paper=given.layout.paper,
        templates=None if given.layout.folder is None else OWN,
        compared=None
        if given.compared is None
        else sha256(compared_bytes(given.compared, given.evidence)),
    )


def _carried(given: Given, created: datetime) -> dict[str, bytes]:
    """Policy and waivers, and what the level leaves of the evidence."""
    files = {}
    if given.policy.text:
        files[POLICY] = given.policy.text
    if given.policy.waivers_text:
        files[WAIVERS] = given.policy.waivers_text
    if given.asked is not None:
        files[DISCLOSED] = disclosed_bytes(
            given.evidence,
            given.level,
            tool=tool(),
            lang=given.lang,
            created=created,
            card=given.card,
            layout=given.layout,
            answers=_told(given.asked.answers, given.level),
            baseline=given.asked.baseline,
            compared=given.shown,
        )
    return files


def source_date() -> datetime | None:
    """The time that SOURCE_DATE_EPOCH gives, or None.

    Raises:
        UsageError: it is not a number of seconds.
    """
    value = os.environ.get("SOURCE_DATE_EPOCH")
    if not value:
        return None
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is no number of seconds: {excerpt(value)!r}",
            remedy="unset it, or give seconds since 1970-01-01",
        ) from error


def _told(answers: Mapping[str, Any], level: Disclosure) -> dict[str, Any]:
    """The answers without what the disclosed record says itself."""
    if level is Disclosure.PUBLIC:
        return dict(answers)
    return {q: answer for q, answer in answers.items() if q != HEAD and not follows(q)}


def _bundle_files(bundle_dir: Path, evidence: Evidence) -> Mapping[str, bytes]:
    try:
        files = {name: (bundle_dir / name).read_bytes() for name in _ATTACHED}
    except FileNotFoundError as error:
        raise EvidenceError(
            "the evidence bundle is not complete",
            where=excerpt(error.filename),
            remedy="run the audit again, or get the whole bundle",
        ) from error
    digest = "sha256:" + hashlib.sha256(files[EVIDENCE]).hexdigest()
    if digest != evidence.digest:
        raise EvidenceError(
            "evidence.json is not the evidence that was judged",
            where=excerpt(bundle_dir / EVIDENCE),
            remedy="do not change a bundle while it is being reported on",
        )
    return files
