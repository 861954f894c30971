"""The options that say who judges."""

from __future__ import annotations

import click

from gatekeeper.commands._option_kinds import MOST, marks
from gatekeeper.records.defaults import JUDGE, SECOND_SAMPLE

#: Of `judge calibrate` too.
judge_options_option = click.option(
    "--judge-option",
    "judge_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of the judge (repeatable), such as model=DIRECTORY; `catalog judge` lists them. "
    "Never a key: that comes from an environment variable.",
)

reasoning_option = click.option(
    "--reasoning",
    nargs=2,
    type=str,
    callback=marks,
    metavar="OPEN CLOSE",
    help="Marks around the model's reasoning, beside those known (<think> </think>, [THINK] "
    "[/THINK], Harmony's channels, …). What stands between them is not judged.",
)

JUDGE_OPTIONS = (
    click.option(
        "--judge", help=f"Judge of replies; default: the one that the policy pins, or {JUDGE}."
    ),
    judge_options_option,
    click.option(
        "--second-judge",
        help="Another judge, asked about a sample of the replies. Where it sees a number on the "
        "other side of a limit, the rule is inconclusive.",
    ),
    click.option(
        "--second-judge-option",
        "second_judge_options",
        multiple=True,
        metavar="KEY=VALUE",
        help="Option of the second judge (repeatable), as --judge-option.",
    ),
    click.option(
        "--second-sample",
        type=click.IntRange(1, MOST),
        help=f"Replies drawn for the second judge, spread over masks, sets and outcomes; those "
        f"without a mask that they are held against come on top.  [default: {SECOND_SAMPLE}]",
    ),
)
