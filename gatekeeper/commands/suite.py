"""`gatekeeper suite`: prompt suites."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._suite_lint import linted, print_json, print_text
from gatekeeper.errors import ExitCode


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
    """Read a suite, count its prompts per set, language and category, and list what is amiss.

    Errors (exit 2) have file and line, and are listed together, at most 100. Warnings are
    weaknesses: sets too small for the shipped policies, pairs that are missing, texts that are
    nearly the same under different seeds. Notes say what stricter policies want besides. No prompt
    is ever shown.

    \b
    Example:
      gatekeeper suite lint suite/
      gatekeeper suite lint prompts.jsonl --json --strict
    """
    found = linted(path)
    (print_json if as_json else print_text)(found)
    return found.code(strict=strict)


@suite.command("list")
def list_suites() -> int:
    """List the suites that are shipped, with the path to give to --suite.

    \b
    Example:
      gatekeeper suite list
    """
    from gatekeeper.bundled import bundled
    from gatekeeper.suites.read import MANIFEST, read_suite

    folders = [p.parent for name in ("suites", "demo") for p in bundled(name).glob(f"*/{MANIFEST}")]
    for folder in sorted(folders):
        read = read_suite(folder)
        counts = ", ".join(f"{count} {name}" for name, count in read.counts().items())
        click.echo(f"{read.id} {read.version}: {read.title}")
        click.echo(f"  {counts}; {read.licence}")
        click.echo(f"  {folder}")
    return ExitCode.PASS


COMMAND = suite
