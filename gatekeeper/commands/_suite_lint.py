"""What `suite lint` and `suite import` print of a suite: counts, faults, warnings, notes."""

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
    """What the shipped policies want measured: file name -> set -> prompts."""
    from gatekeeper.bundled import bundled
    from gatekeeper.policy.load import load_policy
    from gatekeeper.policy.rule_needs import LARGE, floors_by_set

    paths = sorted(bundled("policies").glob("*.yaml"))
    return {path.name: floors_by_set(load_policy(path).sized(LARGE)) for path in paths}


def print_json(found: Linted) -> None:
    """The result as `gatekeeper/suite-lint/v1`, without facts of the suite if there is none."""
    import json

    result: dict[str, object] = {"schema": _SCHEMA}
    if found.suite:
        result |= {
            "id": found.suite.id,
            "version": found.suite.version,
            "licence": found.suite.licence,
            "digest": found.suite.digest,
            "prompts": len(found.suite.prompts),
            "seeds": len({p.seed_id for p in found.suite.prompts}),
            "counts": _counts(found.suite),
            "sources": [
                {"name": s.name, "version": s.version, "licence": s.licence, "sha256": s.sha256}
                | {"count": s.count}
                for s in found.suite.sources
            ],
        }
    result["errors"] = [str(fault) for fault in found.faults]
    result |= {"warnings": list(found.warnings), "notes": list(found.notes)}
    click.echo(json.dumps(result, indent=2))


def print_text(found: Linted) -> None:
    """The result for people; after the counts, what is wrong, what is weak, what is missing."""
    if found.suite:
        _print_suite(found.suite)
    said = (
        *(f"error: {fault}" for fault in found.faults),
        *(f"warning: {warning}" for warning in found.warnings),
        *(f"note: {note}" for note in found.notes),
    )
    if said and found.suite:
        click.echo("")
    for line in said:
        click.echo(line)
    errors = f"errors: {len(found.faults)}, " if found.faults else ""
    click.echo(f"{errors}warnings: {len(found.warnings)}")


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
