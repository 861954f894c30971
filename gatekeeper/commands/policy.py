"""`gatekeeper policy`: write policies, check them, and read them in plain words."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.errors import ExitCode

_FILE = click.Path(path_type=Path)


@click.group()
def policy() -> None:
    """Check a policy, or have it explained in plain words.

    A policy is a YAML file: what must have been measured, and the limits it is held against. None
    of this needs a model or a GPU.

    \b
    Example:
      gatekeeper policy lint policies/release.yaml
      gatekeeper policy explain policies/release.yaml
    """


@policy.command("lint")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@click.option("--strict", is_flag=True, help="Exit with 2 on warnings too.")
def lint(files: tuple[Path, ...], strict: bool) -> int:
    """List all errors and warnings of policy files, each with line, column and a remedy.

    Errors come first. Warnings (no rationale, no remedy, no random controls, a review date that has
    passed …) are listed once a file has no errors. Exits with 0 if there are no errors, else 2.

    \b
    Example:
      gatekeeper policy lint policies/*.yaml
      gatekeeper policy lint --strict policies/release.yaml
    """
    from datetime import date

    from gatekeeper.policy.lint import lint_policy

    today = date.today()
    problems = [problem for path in files for problem in lint_policy(path, today)]
    for problem in problems:
        click.echo(str(problem))
    errors = sum(problem.level == "error" for problem in problems)
    warnings = len(problems) - errors
    click.echo(f"files: {len(files)}, errors: {errors}, warnings: {warnings}")
    return ExitCode.USAGE if errors or (strict and warnings) else ExitCode.PASS


@policy.command("explain")
@click.argument("file", type=_FILE)
def explain(file: Path) -> None:
    """Say in plain sentences what a policy asks for, and why.

    \b
    Example:
      gatekeeper policy explain policies/release.yaml
    """
    from datetime import date

    from gatekeeper.policy.explain import explain as in_words
    from gatekeeper.policy.load import load_policy

    click.echo(in_words(load_policy(file), date.today()), nl=False)


COMMAND = policy
