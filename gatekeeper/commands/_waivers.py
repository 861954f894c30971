"""The option `--waivers`, and a policy read together with the file it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gatekeeper.records.policy import Policy

waivers_option = click.option(
    "--waivers",
    "waivers_path",
    type=click.Path(path_type=Path),
    help="YAML file of waivers beside those of the policy (gatekeeper waiver new writes one).",
)


def load_with_waivers(
    policy_path: Path, waivers_path: Path | None, tier: str | None = None
) -> Policy:
    """The policy for a tier, with the waivers of a file if one is given.

    Raises:
        UsageError: one of them cannot be read, or a waiver does not fit the policy.
    """
    from gatekeeper.policy.load import load_policy
    from gatekeeper.policy.waiver_files import with_waivers

    policy = load_policy(policy_path, tier)
    return policy if waivers_path is None else with_waivers(policy, waivers_path)
