"""`gatekeeper policy explain`: a policy in plain words."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._tier import tier_option


@click.command("explain")
@click.argument("file", type=click.Path(path_type=Path))
@tier_option
def explain(file: Path, tier: str | None) -> None:
    """Say in plain sentences what a policy asks for, and why.

    \b
    Example:
      gatekeeper policy explain policies/release.yaml
    """
    from datetime import date

    from gatekeeper.policy.explain import explain as in_words
    from gatekeeper.policy.load import load_policy

    click.echo(in_words(load_policy(file, tier), date.today()), nl=False)


COMMAND = explain
