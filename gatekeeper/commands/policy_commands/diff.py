"""`gatekeeper policy diff`: whether a changed policy is stricter or looser."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import ExitCode


@click.command("diff")
@click.argument("old", type=PolicyFile())
@click.argument("new", type=PolicyFile())
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
@click.option(
    "--waivers",
    "waivers",
    nargs=2,
    metavar="OLD NEW",
    type=click.Path(path_type=Path),
    help="Two files of waivers, one for each of the policies.",
)
@tier_option
def diff(
    old: Path,
    new: Path,
    answer: bool,
    form: str,
    waivers: tuple[Path, Path] | None,
    tier: str | None,
) -> int:
    """Say whether policy NEW is stricter or looser than OLD, as a whole and rule by rule.

    Where NEW passes something that OLD does not, such evidence is shown, as a test file would have
    it; where there is none, that is proved. Needs of evidence, warnings and waivers count too. What
    a policy extends is read with it. With --tier, one without tiers is compared as it is.

    \b
    Example:
      gatekeeper policy diff policies/release.yaml my-release.yaml
      gatekeeper policy diff --exit-code --format markdown old.yaml new.yaml
    """
    from datetime import date

    from gatekeeper.commands._waivers import load_with_waivers
    from gatekeeper.policy.diff.compare import compare
    from gatekeeper.policy.diff.show import as_markdown, as_text
    from gatekeeper.policy.extend import tiers_of

    # Where neither has tiers, the option is a mistake.
    tiered = tier is not None and any(tiers_of(path) for path in (old, new))
    pair = [
        load_with_waivers(path, beside, None if tiered and not tiers_of(path) else tier)
        for path, beside in zip((old, new), waivers or (None, None), strict=True)
    ]
    found = compare(pair[0], pair[1], date.today())
    click.echo(as_markdown(found) if form == "markdown" else as_text(found), nl=False)
    if answer and found.relation not in {"same", "stricter"}:
        return ExitCode.FAIL
    return ExitCode.PASS


COMMAND = diff
