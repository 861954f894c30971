"""The option that says for which deployment tier a policy is read."""

from __future__ import annotations

import click

tier_option = click.option(
    "--tier",
    metavar="NAME",
    help="Deployment tier of the policy, where it has tiers; default: the one it calls so.",
)
