"""Makes the reports that outputs.json names again, and tells of the signatures in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import click

from gatekeeper import catalog
from gatekeeper.commands._compared import (
    KeptComparison,
    Release,
    hold_comparison,
    kept_comparison,
)
from gatekeeper.commands._judged import Asked, judge
from gatekeeper.commands._pdf_signing import ToldSignature, Trust, tell_pdf_signature
from gatekeeper.commands._reporting import Given, render_all
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.commands._verify_outputs import Stated
from gatekeeper.commands._verify_pages import compare_pages, hold_odd
from gatekeeper.commands._verify_verdict import Derivation
from gatekeeper.errors import AuditError, EvidenceError, UsageError, excerpt
from gatekeeper.evidence.manifest import sha256
from gatekeeper.evidence.outputs import MadeReport
from gatekeeper.formats.pdf import load_weasyprint
from gatekeeper.plain_files import read_plain
from gatekeeper.records.bundle_files import (
    OUTPUTS,
    PDF,
    WAIVERS,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import Format
from gatekeeper.records.verdict import FAIL_ON, Verdict
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import check_template
from gatekeeper.report.parts import Layout
from gatekeeper.report.tool import tool
from gatekeeper.report.wording import load_wording
from gatekeeper.verify.pdf_file import read_pdf

#: Of a report that is made again.
_MOST_REPORT = 256_000_000
_REMEDY = "do not trust it; make it again with gatekeeper report"


def require_report(stated: Sequence[Stated]) -> None:
    """Refuses an output directory in which no report lies that could be signed.

    Raises:
        EvidenceError: there is none that a statement names.
    """
    for one in stated:
        if one.outputs and PDF in one.outputs.reports and (one.folder / PDF).is_file():
            return
    raise EvidenceError(
        f"no {PDF} that {OUTPUTS} names, and so none that is signed",
        where=excerpt(stated[0].folder),
        remedy="verify the report itself, or leave --pdf-trust out",
    )


def check_again(
    stated: Stated,
    evidence: Evidence,
    bundle: Path,
    derived: Derivation | None,
    trust: Trust | None = None,
    release: Release | None = None,
) -> Iterator[str]:
    """Makes each report again and compares: who alters a report may alter the statement too.

    Args:
        release: the last one, if it was named.

    Yields:
        What could not be compared, in words.

    Raises:
        EvidenceError: one is not what the evidence gives.
    """
    waived = derived is not None and derived.policy.waivers_digest is not None
    covered = stated.outputs is not None and WAIVERS in stated.outputs.files
    if not covered and not waived and os.path.lexists(stated.folder / WAIVERS):
        click.echo(f"– not of the verdict, and not checked: {WAIVERS}")
    yield from stated.unsure
    outputs = stated.outputs
    kept = kept_comparison(stated.folder, outputs, evidence)
    if kept is not None and derived is not None:
        given = (evidence, derived.verdict, derived.policy)
        yield from hold_comparison(kept, *given, release)
    for name in sorted(outputs.reports) if outputs else ():
        if not (stated.folder / name).is_file():
            continue
        assert outputs is not None  # noqa: S101 - narrows the type
        path, made = stated.folder / name, outputs.reports[name]
        found = read_plain(path, excerpt(path), EvidenceError, _MOST_REPORT)
        if made.format == "pdf":
            told = _tell_signature(found, made, trust, excerpt(path))
            found = told.data
            if told.unsure is not None:
                yield told.unsure
        why = _again(path, found, made, evidence, bundle, derived, kept)
        if why is not None:
            yield f"{excerpt(name)}: {why}"


def _tell_signature(
    found: bytes, made: MadeReport, trust: Trust | None, where: str
) -> ToldSignature:
    """Tells of the signature in a PDF, and hands out the PDF without it."""
    content = read_pdf(found, where)
    hold_odd(content, where)
    return tell_pdf_signature(found, content.signature, trust, where, made)


def _again(
    path: Path,
    found: bytes,
    made: MadeReport,
    evidence: Evidence,
    bundle: Path,
    derived: Derivation | None,
    kept: KeptComparison | None,
) -> str | None:
    """Makes one report again; what could not be compared, or None.

    Raises:
        EvidenceError: it comes out otherwise.
    """
    if made.tool != tool():
        return f"not made again: made by {excerpt(made.tool)}, this is {tool()}"
    if derived is None:
        return "not made again: there is no verdict here that it could tell of"
    judged = _judged(made, evidence, derived)
    lacks = (made.card is not None and judged is not None and judged[0].card is None) or (
        made.compared is not None and (kept is None or kept.digest != made.compared)
    )
    if judged is None or lacks:
        return "not made again: made under another policy, waivers, card or baseline than lie here"
    verdict, asked = judged
    card = None
    if made.card is not None and verdict.card is not None:
        card = GivenCard(card=verdict.card, digest=made.card)
    if made.format not in catalog.names("format"):
        raise EvidenceError(f"{OUTPUTS} names an unknown format of it", where=excerpt(path))
    fmt: Format = catalog.load("format", made.format)
    if made.templates is not None and fmt.attaches:
        return "not made again: laid out by a template that is not here"
    layout = Layout(template=made.template, paper=made.paper)
    try:
        if fmt.attaches:
            check_template(layout)
        level = Disclosure(made.level)
        load_wording(made.lang)
        if made.format == "pdf":
            load_weasyprint()
    except (UsageError, AuditError, ValueError) as error:
        return f"not made again: {excerpt(error)}"
    given = Given(
        evidence,
        verdict,
        derived.policy,
        bundle,
        level,
        made.lang,
        made.created,
        card,
        asked,
        layout,
        None if kept is None or made.compared is None else kept.compared,
    )
    (data,) = render_all(given, [fmt]).values()
    return _compare(path, found, data, made)


def _compare(path: Path, found: bytes, data: bytes, made: MadeReport) -> str | None:
    """Compares a report with what it comes out as; see `_again`."""
    if found == data:
        click.echo(f"✓ {path.name}: made again, byte for byte ({made.level}, {made.lang})")
        return None
    if made.format == "pdf":
        return compare_pages(found, data, excerpt(path))
    raise EvidenceError(
        "not the report that this evidence gives", where=excerpt(path), remedy=_REMEDY
    )


def _judged(
    made: MadeReport, evidence: Evidence, derived: Derivation
) -> tuple[Verdict, Asked] | None:
    """The verdict that a report tells of, which may be of another day than the one beside it."""
    policy, verdict = derived.policy, derived.verdict
    if (made.policy, made.waivers) != (policy.digest, policy.waivers_digest):
        return None
    if sha256(verdict_bytes(verdict)) == made.verdict:
        return verdict, derived.asked
    if made.fail_on not in FAIL_ON:
        return None
    for replaces in dict.fromkeys((verdict.replaces, None)):
        again = judge(
            evidence,
            policy,
            date.fromisoformat(made.judged_on),
            fail_on=made.fail_on,
            card=verdict.card,
            replaces=replaces,
            baseline=derived.baseline,
        )
        if sha256(verdict_bytes(again[0])) == made.verdict:
            return again
    return None
