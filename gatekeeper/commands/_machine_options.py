"""The options that say where an audit runs, and on how much of it."""

from __future__ import annotations

import click

from gatekeeper.commands._option_kinds import MOST, Rows, finite, printable

_MOST_WORKERS = 1024

MACHINE_OPTIONS = (
    click.option(
        "--batch-rows",
        type=Rows(),
        default="auto",
        show_default=True,
        help="Replies generated side by side. auto: as many as the memory holds, at most 1024 on "
        "CUDA and 128 elsewhere; the evidence records how many.",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "spread"]),
        default="auto",
        show_default=True,
        help="Where to run. spread: over all GPUs, then memory, then disk, for a model that no GPU "
        "holds.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, _MOST_WORKERS),
        default=1,
        show_default=True,
        help="Processes that answer prompts, this one among them, each with the model on a GPU of "
        "its own (on CPU: with its share of the cores). Evidence is the same.",
    ),
    click.option(
        "--ray",
        metavar="ADDRESS",
        callback=printable,
        help="Put the other workers on a Ray cluster (auto, or HOST:PORT), a GPU each; every host "
        "must find the checkpoint at the same path.",
    ),
    click.option(
        "--parallel",
        type=click.Choice(["tensor", "expert"]),
        help="Under torchrun, one replica over its processes: each matrix in parts (tensor), or "
        "whole experts on each (expert).",
    ),
    click.option(
        "--gpu-hour-cost",
        type=click.FloatRange(0, MOST),
        callback=finite,
        help="Price of a GPU for an hour (on CPU: of the machine): progress tells money too.",
    ),
    click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        show_default=True,
        help="auto: as stored on CUDA, float32 on CPU.",
    ),
)
