"""Checks what lies beside the evidence against outputs.json, and makes its reports again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
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
from gatekeeper.commands._outputs import MOST_BYTES, report_names
from gatekeeper.commands._reporting import Given, render_all
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.commands._verify_pages import compare_pages
from gatekeeper.commands._verify_verdict import Derivation
from gatekeeper.errors import AuditError, EvidenceError, UsageError, excerpt
from gatekeeper.evidence.manifest import sha256
from gatekeeper.evidence.members import strangers
from gatekeeper.evidence.outputs import MadeReport, Outputs, read_outputs
from gatekeeper.formats.pdf import load_weasyprint
from gatekeeper.plain_files import open_plain, read_plain
from gatekeeper.records.bundle_files import (
    BUNDLE,
    BUNDLE_FILES,
    OUTPUTS,
    POLICY,
    SIGNATURE,
    VERDICT,
    WAIVERS,
    signature_name,
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

#: Of a report that is made again.
_MOST_REPORT = 256_000_000
_REMEDY = "do not trust it; make it again with gatekeeper report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A folder's statement of outputs, held against what lies there.

    Attributes:
        outputs: None where there is none.
        unsure: what it does not cover, and should.
    """

    folder: Path
    outputs: Outputs | None
    unsure: tuple[str, ...] = ()


def check_outputs(folder: Path, bundle: Path, evidence: Evidence) -> Stated:
    """Holds each file of a folder against its statement, by digest.

    Raises:
        EvidenceError: one was altered, is not of the statement, or is missing where a verdict needs
            it; or the statement is of other evidence.
    """
    path, here = folder / OUTPUTS, {BUNDLE} if folder != bundle else {*BUNDLE_FILES, SIGNATURE}
    if not os.path.lexists(path):
        if folder == bundle:
            _tell_others(folder, here, bundle)
        else:
            _tell_uncovered(folder, {*here, VERDICT, POLICY, WAIVERS})
        return Stated(folder=folder, outputs=None, unsure=_missed(folder, evidence))
    try:
        data = read_plain(path, excerpt(path), EvidenceError, MOST_BYTES)
    except OSError as error:
        raise EvidenceError("not a readable statement", where=excerpt(path)) from error
    outputs = read_outputs(data, where=excerpt(path))
    if outputs.evidence != evidence.digest:
        raise EvidenceError(
            f"a statement of other evidence, {excerpt(outputs.evidence)}",
            where=excerpt(path),
            remedy="do not trust what lies here: files of two audits were mixed",
        )
    for name in sorted(outputs.files):
        _hold(folder / name, outputs.files[name])
    for name in sorted(report_names() - outputs.files.keys() - {*outputs.earlier}):
        if os.path.lexists(folder / name):
            raise EvidenceError(
                f"{OUTPUTS} does not name it: it was put here later, or taken out of there",
                where=excerpt(folder / name),
                remedy=_REMEDY,
            )
    if untold := sorted(outputs.files.keys() & report_names() - outputs.reports.keys()):
        raise EvidenceError(
            f"{OUTPUTS} does not say how it was made",
            where=excerpt(folder / untold[0]),
            remedy=_REMEDY,
        )
    there = [name for name in outputs.files if (folder / name).is_file()]
    if there:
        click.echo(f"✓ outputs: {len(there)} files of {folder} are as {OUTPUTS} says")
    if gone := sorted(outputs.files.keys() - {*there}):
        click.echo(f"– outputs: not here any more: {excerpt(', '.join(gone))}")
    ours = {OUTPUTS, signature_name(OUTPUTS)}
    _tell_others(
        folder, {*ours, VERDICT, POLICY, WAIVERS, *here, *outputs.files, *outputs.earlier}, bundle
    )
    # What a verdict rests on is held against it, whoever wrote it when.
    beside = {VERDICT, POLICY, WAIVERS}
    earlier = [n for n in outputs.earlier if n not in beside and os.path.lexists(folder / n)]
    unsure = tuple(f"{excerpt(name)} lay here before there was an {OUTPUTS}" for name in earlier)
    return Stated(folder=folder, outputs=outputs, unsure=unsure)


def _hold(path: Path, digest: str) -> None:
    """Holds one file against its digest; a report may be gone, what a verdict rests on may not.

    Raises:
        EvidenceError: it is another, or gone.
    """
    if not os.path.lexists(path):
        if path.name in {VERDICT, POLICY, WAIVERS}:
            raise EvidenceError(
                f"missing: {OUTPUTS} names it",
                where=excerpt(path),
                remedy="get all outputs again from where they were written",
            )
        return
    try:
        with open_plain(path, excerpt(path), EvidenceError) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EvidenceError(
            f"cannot be read: {error.strerror}", where=excerpt(path), remedy=_REMEDY
        ) from error
    if found != digest:
        raise EvidenceError(
            f"altered, or another one: its sha256 is not the one in {OUTPUTS}",
            where=excerpt(path),
            remedy=_REMEDY,
        )


def _missed(folder: Path, evidence: Evidence) -> tuple[str, ...]:
    """Reports without a statement beside evidence of a version that writes one."""
    reports = sorted(name for name in report_names() if os.path.lexists(folder / name))
    if not reports or evidence.times is None or evidence.times.secret is None:
        return ()
    return (f"{', '.join(reports)}: {OUTPUTS} is missing, which this bundle's version writes",)


def _tell_uncovered(folder: Path, known: set[str]) -> None:
    """Prints a line about what lies in a folder without a statement."""
    if names := strangers(folder, known):
        names_shown = excerpt(", ".join(names))
        click.echo(
            f"– reports and others: without {OUTPUTS}, as older versions wrote none; not made "
            f"again, and not checked: {names_shown}"
        )


def _tell_others(folder: Path, known: set[str], bundle: Path | None) -> None:
    """Prints a line about files that are none of ours."""
    if names := strangers(folder, known):
        shown = ", ".join(excerpt(name) for name in names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        what = "not of the bundle, and" if folder == bundle else "others,"
        click.echo(f"– {what} not checked: {shown}{more}")


def check_again(
    stated: Stated,
    evidence: Evidence,
    bundle: Path,
    derived: Derivation | None,
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
        made = outputs.reports[name]
        why = _again(stated.folder / name, made, evidence, bundle, derived, kept)
        if why is not None:
            yield f"{excerpt(name)}: {why}"


def _again(
    path: Path,
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
    return _compare(path, data, made)


def _compare(path: Path, data: bytes, made: MadeReport) -> str | None:
    """Compares a report with what it comes out as; see `_again`."""
    found = read_plain(path, excerpt(path), EvidenceError, _MOST_REPORT)
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
