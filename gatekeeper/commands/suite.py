"""`gatekeeper suite`: prompt suites."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.errors import ExitCode, excerpt

if TYPE_CHECKING:
    from gatekeeper.records.suite import Suite

_SCHEMA = "gatekeeper/suite-lint/v1"


@click.group()
def suite() -> None:
    """Check prompt suites before an audit spends hours on them.

    A suite is a directory with suite.json and JSONL files, or a single JSONL file; each line has
    id, seed_id, set (regular, jailbreak, benign, over_refusal) and text.

    \b
    Example:
      gatekeeper suite lint suite/
    """


@suite.command("lint")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--strict", is_flag=True, help="Exit with 2 on warnings too.")
def lint(path: Path, as_json: bool, strict: bool) -> int:
    """Read a suite, count its prompts per set, language and category, and warn of weaknesses.

    An unreadable suite is an error (exit 2) with file and line. No prompt is ever shown.

    \b
    Example:
      gatekeeper suite lint suite/
      gatekeeper suite lint prompts.jsonl --json --strict
    """
    from gatekeeper.suites.lint import warnings
    from gatekeeper.suites.read import read_suite

    read = read_suite(path)
    found = warnings(read)
    if as_json:
        _print_json(read, found)
    else:
        _print(read, found)
    return ExitCode.USAGE if strict and found else ExitCode.PASS


def _counts(read: Suite) -> dict[str, dict[str, int]]:
    return {
        "set": dict(read.counts()),
        "language": dict(sorted(Counter(p.language for p in read.prompts).items())),
        "category": dict(sorted(Counter(p.category for p in read.prompts).items())),
    }


def _print_json(read: Suite, found: tuple[str, ...]) -> None:
    import json

    result = {
        "schema": _SCHEMA,
        "id": read.id,
        "version": read.version,
        "licence": read.licence,
        "digest": read.digest,
        "prompts": len(read.prompts),
        "seeds": len({p.seed_id for p in read.prompts}),
        "counts": _counts(read),
        "warnings": list(found),
    }
    click.echo(json.dumps(result, indent=2))


def _print(read: Suite, found: tuple[str, ...]) -> None:
    seeds = len({p.seed_id for p in read.prompts})
    click.echo(f"suite    {excerpt(read.id)} {excerpt(read.version)}, {excerpt(read.title)}")
    click.echo(f"licence  {excerpt(read.licence)}")
    click.echo(f"digest   {read.digest}")
    click.echo(f"prompts  {len(read.prompts):,} from {seeds:,} seeds")
    for title, counts in _counts(read).items():
        click.echo(f"\nper {title}")
        for name, count in counts.items():
            click.echo(f"  {count:6,}  {excerpt(name)}")
    if found:
        click.echo("")
    for warning in found:
        click.echo(f"warning: {warning}")
    click.echo(f"warnings: {len(found)}")


COMMAND = suite
