"""`gatekeeper policy explain`: a policy in plain words."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._tier import tier_option
from gatekeeper.commands._waivers import load_with_waivers, waivers_option


@click.command("explain")
@click.argument("file", type=PolicyFile())
@click.option(
    "--lang", default="en", show_default=True, help="Language of the sentences: en or ja."
)
@tier_option
@waivers_option
def explain(file: Path, lang: str, tier: str | None, waivers_path: Path | None) -> None:
    """Say in plain sentences what a policy asks for, why, and how many prompts each rule takes.

    Waivers that have expired, or do not count for another reason, are said to be so. What people
    wrote into the policy is repeated in their language.

    \b
    Example:
      gatekeeper policy explain policies/release.yaml
      gatekeeper policy explain policies/release.yaml --lang ja
    """
    from datetime import date

    from gatekeeper.policy.explain import explain as in_words
    from gatekeeper.policy.in_words import wording

    wording(lang)
    click.echo(in_words(load_with_waivers(file, waivers_path, tier), date.today(), lang), nl=False)


COMMAND = explain
