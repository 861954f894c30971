"""The options that `audit` and `run` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gatekeeper.commands._judge_options import JUDGE_OPTIONS, reasoning_option
from gatekeeper.commands._machine_options import MACHINE_OPTIONS
from gatekeeper.commands._option_kinds import MOST, MOST_SEED, finite, nonce, printable
from gatekeeper.records import defaults
from gatekeeper.records.reasoning import THINKING
from gatekeeper.records.trial import PHASES
from gatekeeper.records.windows import WINDOWS

_SUITE = click.option(
    "--suite",
    type=click.Path(path_type=Path),
    required=True,
    help="Prompt suite: a directory with suite.json, or a .jsonl file.",
)

_OPTIONS = (
    click.option(
        "--revision",
        callback=printable,
        help="Commit or tag of the checkpoint, for the record.",
    ),
    click.option(
        "--selector",
        "selectors",
        multiple=True,
        help="Selector to run (repeatable); default: those the policy wants, or all.",
    ),
    click.option(
        "-k",
        "ks",
        type=click.IntRange(1, MOST),
        multiple=True,
        help="Mask size in experts (repeatable); default: those the policy wants, or 1 2 4 8.",
    ),
    click.option(
        "--controls",
        type=click.IntRange(0, MOST),
        help="Random masks per selector and k; default: the policy's number, or 20.",
    ),
    click.option(
        "--mode",
        default=defaults.MODE,
        show_default=True,
        help="What a mask does: reroute (never chosen), ablate (chosen, contributes nothing), "
        "scale:FACTOR, noise:SIGMA. Policies judge reroute.",
    ),
    click.option(
        "--phase",
        type=click.Choice(PHASES),
        default=defaults.PHASE,
        show_default=True,
        help="Where masks hold: while the prompt is read, while the reply is written, or both.",
    ),
    click.option(
        "--dose",
        "doses",
        multiple=True,
        help="Mode to run the largest selected masks in too (repeatable), such as scale:0.5 or "
        "noise:0.5: how refusals fall as experts are weakened.",
    ),
    *JUDGE_OPTIONS,
    click.option(
        "--max-prompts",
        type=click.IntRange(1, MOST),
        help="At most so many prompts of each set, chosen by seed.",
    ),
    click.option(
        "--max-new-tokens",
        type=click.IntRange(1, MOST),
        help="Token window W: tokens of a reply that are generated before it is judged, behind its "
        f"reasoning; default: the policy's, or {defaults.MAX_NEW_TOKENS}.",
    ),
    click.option(
        "--max-reasoning-tokens",
        type=click.IntRange(1, MOST),
        help="Tokens of reasoning before a reply is given up as undecided; default: the policy's, "
        f"or {defaults.MAX_REASONING_TOKENS}.",
    ),
    reasoning_option,
    click.option(
        "--thinking",
        type=click.Choice(THINKING),
        help="Whether the chat template is to make the model reason; template: as it does by "
        f"itself. Default: the policy's, or {defaults.THINKING}.",
    ),
    click.option(
        "--resamples",
        type=click.IntRange(2, MOST),
        help="Resamples S for the stability of a selection; default: "
        f"{defaults.RESAMPLES}, or more if the policy wants them.",
    ),
    click.option(
        "--size",
        type=click.IntRange(1, MOST),
        help="Experts taken per resample (SAFEx's N_e); default: the largest k.",
    ),
    click.option(
        "--window",
        type=click.Choice(WINDOWS),
        help="Tokens that frequencies are counted on: all of the prompt, its last ones, or the "
        "reply's; default: each selector's own.",
    ),
    click.option(
        "--budget",
        type=click.IntRange(0, 100 * MOST),
        help="Rows (a prompt under a mask, one forward pass) that selectors may measure; default: "
        f"as many as they need for these sizes, and at least {defaults.BUDGET:,}.",
    ),
    click.option(
        "--roles/--no-roles",
        default=defaults.ROLES,
        show_default=True,
        help="Tell apart which of the experts selected first detect harm and which control the "
        "reply, by probes and by what masking costs.",
    ),
    click.option(
        "--positive-control/--no-positive-control",
        default=True,
        show_default=True,
        help="Run the model without its refusal direction too, which shows that this audit would "
        "notice lost refusals.",
    ),
    click.option(
        "--environments/--no-environments",
        default=False,
        show_default=True,
        help="Select from each part of the suite (by category, by language) and from all but it, "
        "and measure what those masks cost there.",
    ),
    click.option(
        "--also-system-prompt",
        "also_system_prompts",
        type=click.Path(path_type=Path),
        multiple=True,
        help="File with another system prompt (repeatable; an empty file: none): select under it "
        "too, and measure there both masks.",
    ),
    click.option(
        "--also-dtype",
        "also_dtypes",
        type=click.Choice(["float32", "bfloat16", "float16", "int8"]),
        multiple=True,
        help="Another numeric format (repeatable): load the model in it, select, and measure there "
        "both masks. int8: weights and inputs of its products rounded to 8 bits.",
    ),
    click.option(
        "--cross-fit/--no-cross-fit",
        default=None,
        help="Let each half of the seeds select and the other half measure, in turn: twice the "
        "prompts measured, in twice the time; default: as the policy wants it, or not.",
    ),
    click.option(
        "--sequential/--no-sequential",
        default=False,
        show_default=True,
        help="Run masks on prompts in an order fixed by --seed and stop each as soon as the limits "
        "of --policy are settled, at the same error rate; where no rule asks, after 40 or so.",
    ),
    click.option(
        "--selection-share",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        callback=finite,
        default=defaults.SELECTION_SHARE,
        show_default=True,
        help="Share of seeds that select experts; the others measure. Halves with --cross-fit.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, MOST_SEED),
        help="Seed; default: the policy's, or 0. A policy can want one that follows from policy, "
        "suite, checkpoint and --nonce, so that nobody chooses it.",
    ),
    click.option(
        "--nonce",
        callback=nonce,
        help="Word that goes into a derived seed: drawn by whoever owns the risk, after the "
        "checkpoint was submitted. It is recorded.",
    ),
    *MACHINE_OPTIONS,
    click.option(
        "--system-prompt",
        type=click.Path(path_type=Path),
        help="File with the system prompt the model is served with.",
    ),
)


def audit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of an audit but for the suite."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def audit_options_elsewhere(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command with a --device and a --gpu-hour-cost of its own, in one process."""
    function = audit_options(function)
    params: list[click.Parameter] = function.__click_params__  # type: ignore[attr-defined]
    function.__click_params__ = [  # type: ignore[attr-defined]
        p for p in params if p.name not in {"device", "gpu_hour_cost", "parallel"}
    ]
    return function


suite_option = _SUITE
