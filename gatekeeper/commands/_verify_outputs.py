"""Checks what lies beside the evidence against outputs.json, by digest."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import click

from gatekeeper.commands._outputs import MOST_BYTES, report_names
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.members import strangers
from gatekeeper.evidence.outputs import Outputs, read_outputs
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
