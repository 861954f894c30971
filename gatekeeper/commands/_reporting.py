"""Writes reports, for `report`, `run` and `demo`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from gatekeeper import catalog
from gatekeeper.commands._outputs import TOOL, record_outputs
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.evidence.bundle import write_bytes
from gatekeeper.evidence.manifest import sha256
from gatekeeper.evidence.outputs import MadeReport
from gatekeeper.records.bundle_files import EVIDENCE, MANIFEST, VERDICT
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import Format
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.parts import ReportView
from gatekeeper.report.view import build_view

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
) -> list[Path]:
    """Renders `formats` into `out_dir`; each file appears whole or not at all.

    The document is dated by SOURCE_DATE_EPOCH if that is set, else by the end of the audit, so
    that the same evidence, policy and day give the same bytes.

    Returns:
        The files written, in the order of `formats`.

    Raises:
        UsageError: unknown format or language, or SOURCE_DATE_EPOCH is no time.
        EvidenceError: the bundle lacks a file that belongs inside a report.
        AuditError: a PDF is asked for and cannot be made on this machine.
    """
    chosen = [catalog.load("format", name) for name in dict.fromkeys(formats)]
    if not chosen:
        return []
    view = build_view(evidence, verdict, policy, level, lang, source_date(), card)
    rendered = _rendered(view, chosen, attachments_of(evidence, verdict, policy, bundle_dir))
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, data in rendered.items():
        write_bytes(out_dir / name, data, private=level is Disclosure.RESTRICTED)
    made = {fmt.filename: made_report(fmt.id, view, verdict, card) for fmt in chosen}
    record_outputs(out_dir, bundle_dir, evidence, rendered, made)
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
    view = build_view(evidence, verdict, policy, level, lang, source_date(), card)
    return _rendered(view, chosen, attachments_of(evidence, verdict, policy, bundle_dir))


def _rendered(
    view: ReportView, chosen: Sequence[Format], attachments: Mapping[str, bytes]
) -> dict[str, bytes]:
    reports = {fmt.filename: fmt.render(view, attachments) for fmt in chosen}
    for fmt in chosen:
        if lacking := fmt.lacks(view):
            click.echo(f"gatekeeper: warning: {fmt.filename}: {lacking}", err=True)
    return reports


def made_report(
    name: str, view: ReportView, verdict: Verdict, card: GivenCard | None
) -> MadeReport:
    """What a report is made with, for whoever makes it again."""
    return MadeReport(
        format=name,
        level=str(view.level),
        lang=view.words.lang,
        date=view.document.created.isoformat(),
        tool=TOOL,
        verdict=sha256(verdict_bytes(verdict)),
        judged_on=verdict.judged_on.isoformat(),
        fail_on=verdict.fail_on,
        policy=verdict.policy_digest,
        waivers=verdict.waivers_digest,
        card=None if card is None else card.digest,
    )


def attachments_of(
    evidence: Evidence, verdict: Verdict, policy: Policy, bundle_dir: Path
) -> dict[str, bytes]:
    """All that may travel inside a report; its level decides what does.

    Raises:
        EvidenceError: the bundle lacks a file of it, or another one lies there.
    """
    return {VERDICT: verdict_bytes(verdict), **_bundle_files(bundle_dir, evidence)}


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
