"""Verifies a report that is all one has: the PDF against what travels inside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from gatekeeper.commands._beside import policy_of
from gatekeeper.commands._pdf_signing import Trust, tell_pdf_signature
from gatekeeper.commands._verdicts import hold_day
from gatekeeper.commands._verify_answers import Asker
from gatekeeper.commands._verify_pages import check_pages, hold_odd
from gatekeeper.errors import EvidenceError, GatekeeperError, UsageError, excerpt
from gatekeeper.evidence import manifest
from gatekeeper.evidence.manifest import commitment_of, sha256
from gatekeeper.evidence.merkle import Commitment
from gatekeeper.plain_files import read_plain
from gatekeeper.policy.wire import verdict_from_json
from gatekeeper.records.bundle_files import (
    DISCLOSED,
    EVIDENCE,
    LISTED,
    MANIFEST,
    POLICY,
    VERDICT,
    WAIVERS,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.disclosed import DisclosedFile, read_disclosed, redacted_as
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.tool import tool
from gatekeeper.strict_json import strict_loads
from gatekeeper.verify.disclosed import recheck_answers, recheck_findings
from gatekeeper.verify.pdf_file import PdfContent, read_pdf

#: Of a report.
_MOST_BYTES = 256_000_000
_NEEDED = (MANIFEST, VERDICT, POLICY, DISCLOSED)
_REMEDY = "do not trust this report; get it again from where it was written"


@dataclass(slots=True, kw_only=True)
class CheckedPdf:
    """A report that was found to agree with what it carries.

    Attributes:
        commitment: to the single trials; None in one of an older bundle.
        signed: whether somebody who is trusted signed it; None where nobody did.
        believed: what could not be checked here, in words.
    """

    shown: DisclosedFile
    commitment: Commitment | None
    signed: bool | None
    believed: list[str] = field(default_factory=list)


def verify_pdf(
    path: Path, policy: Policy | None, waivers: Path | None, trust: Trust | None = None
) -> CheckedPdf:
    """Holds the attachments against each other, derives the verdict, and lays the pages out again.

    Args:
        policy, waivers: those that were named; they must be the attached ones.
        trust: whom the signature must lead to.

    Raises:
        EvidenceError: anything does not agree.
    """
    where = excerpt(path)
    try:
        data = read_plain(path, where, EvidenceError, _MOST_BYTES)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=where) from error
    content = read_pdf(data, where)
    hold_odd(content, where)
    told = tell_pdf_signature(data, content.signature, trust, where)
    _hold_names(content, where)
    files = content.files
    shown = read_disclosed(files[DISCLOSED], f"{where}: {DISCLOSED}")
    commitment = _hold_manifest(files, shown, where)
    signed = None if content.signature is None else told.trusted
    checked = CheckedPdf(shown=shown, commitment=commitment, signed=signed)
    checked.believed += [] if told.unsure is None else [told.unsure]
    click.echo(f"✓ attachments: {len(files)} files agree with the manifest and with each other")
    verdict, policy = _derive(files, shown, checked, policy, waivers, where)
    click.echo(f"✓ verdict: {verdict.headline}, derived again from the attached policy and answers")
    click.echo(
        f"– about: checkpoint {verdict.checkpoint_digest}, evidence {verdict.evidence_digest}, "
        f"policy {excerpt(verdict.policy_id)} {excerpt(verdict.policy_version)} "
        f"{verdict.policy_digest}, {shown.level} level"
    )
    if shown.disclosed is None:
        checked.believed.append(
            "numbers: a public report carries no outcomes that they could be measured from, nor "
            "the day on which the audit ended"
        )
    else:
        _measure(shown, shown.disclosed.evidence, checked, where)
    if shown.compared is not None:
        checked.believed.append(
            "the comparison with the last release: its evidence is not in a report"
        )
    checked.believed += check_pages(told.data, content, shown, verdict, policy, where)
    return checked


def _hold_names(content: PdfContent, where: str) -> None:
    """Refuses a report that lacks an attachment, or has another one."""
    known = {*_NEEDED, WAIVERS, EVIDENCE}
    if other := sorted(content.files.keys() - known):
        raise EvidenceError(
            f"carries a file that no report does, {excerpt(other[0])}", where=where, remedy=_REMEDY
        )
    if missing := [name for name in _NEEDED if name not in content.files]:
        raise EvidenceError(
            f"carries no {', '.join(missing)}: made by an older version, or taken out",
            where=where,
            remedy="make the report again with gatekeeper report, or verify the evidence itself",
        )


def _hold_manifest(
    files: Mapping[str, bytes], shown: DisclosedFile, where: str
) -> Commitment | None:
    """Holds evidence and what is disclosed of it against the manifest."""
    named = f"{where}: {MANIFEST}"
    digests = manifest.digests(files[MANIFEST], files=LISTED, where=named)
    commitment = commitment_of(files[MANIFEST], where=named)
    if shown.evidence != f"sha256:{digests[EVIDENCE]}":
        _refuse(where, DISCLOSED, "of other evidence than the manifest")
    if (EVIDENCE in files) != (shown.level is Disclosure.RESTRICTED):
        _refuse(where, EVIDENCE, f"does not belong in a {shown.level} report, or is missing")
    if EVIDENCE in files and sha256(files[EVIDENCE]) != digests[EVIDENCE]:
        _refuse(where, EVIDENCE, "altered: its sha256 is not the one in the manifest")
    if shown.disclosed is None:
        return commitment
    evidence = shown.disclosed.evidence
    manifest.check_statement(
        files[MANIFEST],
        tool_version=evidence.tool_version,
        checkpoint=evidence.checkpoint.digest,
        trials=commitment,
        where=named,
    )
    if commitment is not None and commitment.leaves != len(evidence.trials):
        _refuse(where, DISCLOSED, "tells of another number of trials than the manifest")
    if EVIDENCE in files and not redacted_as(files[EVIDENCE], evidence):
        _refuse(where, DISCLOSED, f"not what {EVIDENCE} gives")
    return commitment


def _derive(
    files: Mapping[str, bytes],
    shown: DisclosedFile,
    checked: CheckedPdf,
    named: Policy | None,
    waivers: Path | None,
    where: str,
) -> tuple[Verdict, Policy]:
    """The verdict derived again from policy, waivers and what it asked of the evidence."""
    try:
        stored = strict_loads(files[VERDICT])
        read = verdict_from_json(stored, where=f"{where}: {VERDICT}")
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError("not a readable verdict", where=f"{where}: {VERDICT}") from error
    with tempfile.TemporaryDirectory() as folder, _told_as(folder, where):
        for name in {VERDICT, POLICY, WAIVERS} & files.keys():
            (Path(folder) / name).write_bytes(files[name])
        attached = policy_of(stored, Path(folder) / VERDICT, None, None)
        if named is not None or waivers is not None:
            policy_of(stored, Path(folder) / VERDICT, named, waivers)
    if WAIVERS in files and attached.waivers_digest is None:
        _refuse(where, WAIVERS, "the verdict was given without it")
    if read.evidence_digest != shown.evidence:
        _refuse(where, VERDICT, "of other evidence than the manifest")
    if shown.disclosed is not None:
        hold_day(shown.disclosed.evidence, read.judged_on, Path(VERDICT))
    asker = Asker(shown=shown, policy=attached, read=read, where=f"{where}: {DISCLOSED}")
    asker.hold_head(files[MANIFEST], commitment_of(files[MANIFEST], where=where))
    verdict = asker.derived()
    if not asker.is_same(stored, verdict):
        _not_derived(shown, stored["headline"], verdict.headline, checked, where)
    return verdict, attached


def _not_derived(
    shown: DisclosedFile, stated: str, due: str, checked: CheckedPdf, where: str
) -> None:
    """Refuses a verdict that does not follow; that of another version is not called a forgery."""
    if shown.tool != tool() and stated == due:
        checked.believed.append(
            f"details of the verdict: made by {excerpt(shown.tool)}, this is {tool()}"
        )
        return
    stated, due = excerpt(stated), excerpt(due)
    _refuse(
        where,
        VERDICT,
        f"the verdict {stated!r} does not follow from policy and answers, which give "
        + (f"{due!r}" if stated != due else "the same result with other details"),
    )


def _measure(shown: DisclosedFile, evidence: Evidence, checked: CheckedPdf, where: str) -> None:
    """Measures again what follows from outcomes; what does not is named."""
    named = f"{where}: {DISCLOSED}"
    count, believed = recheck_findings(evidence, named)
    asked, more = recheck_answers(evidence, shown.answers, named)
    click.echo(
        f"✓ numbers: {count + asked} measured again from {len(evidence.trials)} disclosed "
        "outcomes, all agree"
    )
    kinds = ", ".join(sorted({*believed, *more}))
    checked.believed.append(
        f"outcomes, and which replies are open: they rest on text that a {shown.level} report "
        "does not carry"
    )
    checked.believed.append(f"what rests on experts and routing: {kinds}, and maps of stability")


@contextmanager
def _told_as(folder: str, where: str) -> Iterator[None]:
    """Errors about files of a temporary folder are told as of attachments."""
    try:
        yield
    except GatekeeperError as error:
        place = (error.where or "").replace(f"{folder}/", f"{where}: ")
        if folder in (error.where or ""):
            raise EvidenceError(error.message, where=place, remedy=_REMEDY) from error
        raise


def _refuse(where: str, name: str, what: str) -> None:
    raise EvidenceError(what, where=f"{where}: {name}", remedy=_REMEDY)
