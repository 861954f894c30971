"""The option that says which rules keep a verdict from passing."""

from __future__ import annotations

import click

from gatekeeper.commands._option_kinds import Word
from gatekeeper.records.verdict import FAIL_ON

#: Recorded in the verdict, of which every output is a view.
fail_on_option = click.option(
    "--fail-on",
    type=Word(FAIL_ON),
    default="block",
    show_default=True,
    help="warn: a warning rule that did not pass fails the gate too.",
)
