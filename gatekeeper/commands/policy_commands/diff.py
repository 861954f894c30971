"""`gatekeeper policy diff`: whether a changed policy is stricter or looser."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.errors import ExitCode


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--exit-code",
    "answer",
    is_flag=True,
    help="Exit with 0 if NEW is the same or stricter, with 10 if it is looser or neither.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="As lines, or as Markdown for a pull request.",
)
def diff(old: Path, new: Path, answer: bool, form: str) -> int:
    """Say whether policy NEW is stricter or looser than OLD, as a whole and rule by rule.

    Where NEW passes something that OLD does not, such evidence is shown, as a test file would have
    it; where there is none, that is proved. Needs of evidence, warnings and waivers count too.

    \b
    Example:
      gatekeeper policy diff policies/release.yaml my-release.yaml
      gatekeeper policy diff --exit-code --format markdown old.yaml new.yaml
    """
    from datetime import date

    from gatekeeper.policy.diff.compare import compare
    from gatekeeper.policy.diff.show import as_markdown, as_text
    from gatekeeper.policy.load import load_policy

    found = compare(load_policy(old), load_policy(new), date.today())
    click.echo(as_markdown(found) if form == "markdown" else as_text(found), nl=False)
    if answer and found.relation not in {"same", "stricter"}:
        return ExitCode.FAIL
    return ExitCode.PASS


COMMAND = diff
