"""`gatekeeper policy lint`: what to mend in policy files."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import ExitCode


@click.command("lint")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PolicyFile())
@click.option("--strict", is_flag=True, help="Exit with 2 on warnings too.")
@click.option(
    "--suite",
    "suite_path",
    type=click.Path(path_type=Path),
    help="Suite that the policies are for, where they pin none that is shipped: categories and "
    "languages are held against it, and numbers of prompts.",
)
@tier_option
def lint(files: tuple[Path, ...], strict: bool, suite_path: Path | None, tier: str | None) -> int:
    """List all errors and warnings of policy files, each with line, column and a remedy.

    Errors come first. Warnings (no rationale, no remedy, no random controls, a review date that has
    passed …) are listed once a file has no errors. Of a policy with tiers
    all are looked at, unless --tier names one. Exits with 0 if there are no errors, else 2.

    \b
    Example:
      gatekeeper policy lint policies/*.yaml
      gatekeeper policy lint --strict policies/release.yaml
    """
    from datetime import date

    from gatekeeper.policy.lint import lint_policy

    today, suite = date.today(), None
    if suite_path is not None:
        from gatekeeper.suites.read import read_suite

        suite = read_suite(suite_path)
    problems = [problem for path in files for problem in lint_policy(path, today, tier, suite)]
    for problem in problems:
        click.echo(str(problem))
    errors = sum(problem.level == "error" for problem in problems)
    warnings = len(problems) - errors
    click.echo(f"files: {len(files)}, errors: {errors}, warnings: {warnings}")
    return ExitCode.USAGE if errors or (strict and warnings) else ExitCode.PASS


COMMAND = lint
