"""Writes reports, for `report`, `run` and `demo`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from gatekeeper import catalog
from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.records.bundle_files import EVIDENCE, MANIFEST, VERDICT
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import Format
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.parts import DEFAULT_LAYOUT, Layout

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
    layout: Layout = DEFAULT_LAYOUT,
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
    from gatekeeper.evidence.bundle import write_bytes

    rendered = render_reports(
        evidence, verdict, policy, bundle_dir, formats, level, lang, card, layout
    )
    if rendered:
        out_dir.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in rendered.items():
        write_bytes(out_dir / name, data, private=level is Disclosure.RESTRICTED)
        paths.append(out_dir / name)
    return paths


def render_reports(
    evidence: Evidence,
    verdict: Verdict,
    policy: Policy,
    bundle_dir: Path,
    formats: Sequence[str],
    level: Disclosure = Disclosure.COMMITTEE,
    lang: str = "en",
    card: GivenCard | None = None,
    layout: Layout = DEFAULT_LAYOUT,
) -> dict[str, bytes]:
    """The bytes of each report by file name, with a warning of what a format cannot write.

    Raises:
        See `write_reports`.
    """
    from gatekeeper.commands._verdicts import verdict_bytes
    from gatekeeper.report.view import build_view

    chosen: list[Format] = [catalog.load("format", name) for name in dict.fromkeys(formats)]
    view = build_view(evidence, verdict, policy, level, lang, source_date(), card, layout)
    attachments = {VERDICT: verdict_bytes(verdict), **_bundle_files(bundle_dir, evidence)}
    reports = {fmt.filename: fmt.render(view, attachments) for fmt in chosen}
    for fmt in chosen:
        if lacking := fmt.lacks(view):
            click.echo(f"gatekeeper: warning: {fmt.filename}: {lacking}", err=True)
    return reports


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
