"""Reads, shows and checks verdicts, for the commands that give one."""

from __future__ import annotations

from datetime import UTC, date
from pathlib import Path

import click
import rfc8785

from gatekeeper import catalog
from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.plain_files import read_plain
from gatekeeper.policy.wire import verdict_to_json
from gatekeeper.records.bundle_files import BUNDLE, MANIFEST, VERDICT
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.plugins import Format
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import EXIT_CODES, Verdict
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.strict_json import strict_loads
from gatekeeper.verify.verify import Rechecked

#: Of a verdict.json.
_MOST_BYTES = 64 << 20


def bundle_of(path: Path) -> Path:
    """The bundle in a path: itself, or its `evidence` directory."""
    inner = path / BUNDLE
    return inner if (inner / MANIFEST).is_file() else path


def replaced_policy(policy: Policy, *places: Path) -> str | None:
    """The digest of another policy of the same id and version, if a verdict under it is there.

    A verdict under the policy itself passes on what it replaced.

    Args:
        places: where a verdict may be: files, or directories that hold one.
    """
    for place in places:
        path = place / VERDICT if place.is_dir() else place
        try:
            told = strict_loads(read_plain(path, excerpt(path), EvidenceError, _MOST_BYTES))
            of = told["policy"]
            if (of["id"], of["version"]) != (policy.id, policy.version):
                continue
            digest = of["digest"] if of["digest"] != policy.digest else of.get("replaces")
        except (OSError, ValueError, KeyError, TypeError, EvidenceError):
            continue  # no verdict says nothing
        if isinstance(digest, str):
            return digest
    return None


def verdict_bytes(verdict: Verdict) -> bytes:
    """The bytes of verdict.json."""
    return rfc8785.dumps(verdict_to_json(verdict)) + b"\n"


def exit_code(verdict: Verdict) -> int:
    """The exit code of a verdict, which follows from its headline alone."""
    return EXIT_CODES[verdict.headline]


def hold_day(evidence: Evidence, judged_on: date, where: Path, *, typed_into: str = "") -> None:
    """Refuses a verdict of a day before the audit was finished: a waiver may still have held then.

    Args:
        typed_into: the option or variable that the day was typed into, if it was.

    Raises:
        EvidenceError: it is of such a day.
        UsageError: it is, and the day was typed.
    """
    if evidence.times is None:
        return
    finished = evidence.times.finished.astimezone(UTC).date()
    if judged_on >= finished:
        return
    if typed_into:
        raise UsageError(
            f"{judged_on} is before the audit was finished on {finished}",
            where=typed_into,
            remedy="give that day or a later one",
        )
    raise EvidenceError(
        f"judged on {judged_on}, before the audit was finished on {finished}",
        where=excerpt(where),
        remedy="judge again with `gatekeeper check`, on a machine whose clock is right",
    )


def tell_older(rechecked: Rechecked) -> None:
    """Prints which findings are of older metrics; they were measured with the current ones."""
    if rechecked.older:
        metrics = rechecked.told_older
        click.echo(f"stored findings that differ, measured with the current metrics: {metrics}")


def tell_open(rechecked: Rechecked) -> None:
    """Prints each thing that was taken as it stands, as nothing here derives it again."""
    for what in rechecked.open:
        click.echo(f"not derived again: {what}")


def show(
    evidence: Evidence, verdict: Verdict, policy: Policy, card: GivenCard | None = None
) -> None:
    """Prints the verdict on the terminal, through the console format."""
    from gatekeeper.report.view import build_view

    console: Format = catalog.load("format", "console")
    view = build_view(evidence, verdict, policy, card=card)
    click.echo(console.render(view, {}).decode(), nl=False)
