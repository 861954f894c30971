"""Prints counts, faults, warnings and notes of a suite, for `suite lint` and `suite import`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import click

from gatekeeper.errors import ExitCode, UsageError, excerpt

if TYPE_CHECKING:
    from pathlib import Path

    from gatekeeper.records.suite import Suite

_SCHEMA = "gatekeeper/suite-lint/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """A suite, as far as it could be read, with all that there is to say about it."""

    suite: Suite | None
    faults: tuple[UsageError, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def code(self, *, strict: bool) -> int:
        """Exit code: 2 for faults, and for warnings if they are to count."""
        bad = self.faults or (strict and self.warnings)
        return ExitCode.USAGE if bad else ExitCode.PASS


def linted(path: Path) -> Linted:
    """Reads a suite and collects its faults, warnings and notes.

    Raises:
        UsageError: there is no suite to read.
    """
    from gatekeeper.suites import lint
    from gatekeeper.suites.read import scan_suite

    scan = scan_suite(path)
    if scan.suite is None:
        return Linted(suite=None, faults=scan.faults, warnings=(), notes=())
    needs, texts = _needs(), lint.Texts.of(scan.suite)
    return Linted(
        suite=scan.suite,
        faults=scan.faults,
        warnings=lint.warnings(scan.suite, needs, texts),
        notes=lint.notes(scan.suite, needs, texts),
    )


@cache
def _needs() -> dict[str, dict[str, int]]:
    """The prompts of each set that the shipped policies need: file name -> set -> prompts."""
    from gatekeeper.bundled import shipped_policies
    from gatekeeper.policy.load import load_policy
    from gatekeeper.policy.rule_needs import LARGE, floors_by_set

    paths = shipped_policies()
    return {path.name: floors_by_set(load_policy(path).sized(LARGE)) for path in paths}


def print_json(checked: Linted) -> None:
    """Prints the result as `gatekeeper/suite-lint/v1`; no facts of the suite if there is none."""
    import json

    result: dict[str, object] = {"schema": _SCHEMA}
    if checked.suite:
        result |= {
            "id": checked.suite.id,
            "version": checked.suite.version,
            "licence": checked.suite.licence,
            "digest": checked.suite.digest,
            "prompts": len(checked.suite.prompts),
            "seeds": len({p.seed_id for p in checked.suite.prompts}),
            "counts": _counts(checked.suite),
            "sources": [
                {"name": s.name, "version": s.version, "licence": s.licence, "sha256": s.sha256}
                | {"count": s.count}
                for s in checked.suite.sources
            ],
        }
    result["errors"] = [str(fault) for fault in checked.faults]
    result |= {"warnings": list(checked.warnings), "notes": list(checked.notes)}
    click.echo(json.dumps(result, indent=2))


def print_text(checked: Linted) -> None:
    """Prints the result for people; after the counts what is wrong, weak and missing."""
    if checked.suite:
        _print_suite(checked.suite)
    said = (
        *(f"error: {fault}" for fault in checked.faults),
        *(f"warning: {warning}" for warning in checked.warnings),
        *(f"note: {note}" for note in checked.notes),
    )
    if said and checked.suite:
        click.echo("")
    for line in said:
        click.echo(line)
    errors = f"errors: {len(checked.faults)}, " if checked.faults else ""
    click.echo(f"{errors}warnings: {len(checked.warnings)}")


def _print_suite(suite: Suite) -> None:
    seeds = len({p.seed_id for p in suite.prompts})
    click.echo(f"suite    {excerpt(suite.id)} {excerpt(suite.version)}, {excerpt(suite.title)}")
    click.echo(f"licence  {excerpt(suite.licence)}")
    click.echo(f"digest   {suite.digest}")
    click.echo(f"prompts  {len(suite.prompts):,} from {seeds:,} seeds")
    for source in suite.sources:
        version = f" {excerpt(source.version)}" if source.version else ""
        click.echo(
            f"source   {source.count:,} of {excerpt(source.name)}, {excerpt(source.origin)}"
            f"{version}, {excerpt(source.licence)}, sha256 {source.sha256[:12]}…"
        )
    for title, counts in _counts(suite).items():
        click.echo(f"\nper {title}")
        for name, count in counts.items():
            click.echo(f"  {count:6,}  {excerpt(name)}")


def _counts(suite: Suite) -> dict[str, dict[str, int]]:
    return {
        "set": dict(suite.counts()),
        "language": dict(sorted(Counter(p.language for p in suite.prompts).items())),
        "category": dict(sorted(Counter(p.category for p in suite.prompts).items())),
    }
