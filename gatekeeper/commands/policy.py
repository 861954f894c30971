"""`gatekeeper policy`: write policies, check them, and read them in plain words."""

from __future__ import annotations

import click

from gatekeeper import catalog


@click.group()
def policy() -> None:
    """Check a policy, or have it explained in plain words.

    A policy is a YAML file: what must have been measured, and the limits it is held against. None
    of this needs a model or a GPU.

    \b
    Example:
      gatekeeper policy lint policies/release.yaml
      gatekeeper policy test policies/release.yaml
      gatekeeper policy explain policies/release.yaml
      gatekeeper policy workbench policies/release.yaml --history audits/ --out workbench.html
    """


for _name in catalog.names("policy command"):
    policy.add_command(catalog.load("policy command", _name))

COMMAND = policy
