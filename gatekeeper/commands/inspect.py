"""`gatekeeper inspect`: is it a mixture of experts, and which? Weights stay unread by default."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.errors import ExitCode, excerpt

if TYPE_CHECKING:
    from gatekeeper.records.model import ModelDescription, MoeSite

_SCHEMA = "gatekeeper/inspect/v1"
_DENSE = "dense: no routed experts, so Gatekeeper's question does not arise"


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--digest", is_flag=True, help="Print the checkpoint's digest too, which reads all weights."
)
@click.option("--require-moe", is_flag=True, help="Exit with 11 if the model is dense.")
def inspect(checkpoint: Path, as_json: bool, digest: bool, require_moe: bool) -> int:
    """Show a checkpoint's MoE layers, experts and parameters, from config and tensor headers.

    CHECKPOINT is a directory with config.json and safetensors weights. Needs neither torch nor a
    GPU, and takes a second whatever the model's size, unless --digest is given.

    \b
    Example:
      gatekeeper inspect ./checkpoint
      gatekeeper inspect ./checkpoint --json --require-moe
      gatekeeper inspect ./checkpoint --digest
    """
    from gatekeeper.checkpoint.describe import describe
    from gatekeeper.checkpoint.open import open_checkpoint

    opened = open_checkpoint(checkpoint)
    model = describe(opened)
    for caution in opened.cautions:
        click.echo(f"warning: {caution}", err=True)
    bytes_of = opened.reference().digest if digest else None
    if as_json:
        import json

        extra = {"digest": bytes_of} if bytes_of else {}
        cautions = {"cautions": list(opened.cautions)}
        click.echo(json.dumps({**_as_json(opened.source, model), **extra, **cautions}, indent=2))
    else:
        _print(opened.source, model)
        if bytes_of:
            click.echo(f"digest       {bytes_of}")
    return ExitCode.INCONCLUSIVE if require_moe and not model.is_moe else ExitCode.PASS


def _as_json(source: str, model: ModelDescription) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "source": source,
        "model_type": model.model_type,
        "architecture": model.architecture,
        "dtype": model.dtype,
        "moe": model.is_moe,
        "layers": model.layers,
        "routed_experts": model.routed_experts,
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "context_length": model.context_length,
        "sites": [
            {
                "layer": site.layer,
                "path": site.path,
                "experts": site.experts,
                "top_k": site.top_k,
                "shared": site.shared,
                "routing": site.routing,
            }
            for site in model.sites
        ],
    }


def _print(source: str, model: ModelDescription) -> None:
    context = f"{model.context_length:,} tokens" if model.context_length else "not stated"
    click.echo(f"checkpoint   {excerpt(source)}")
    click.echo(f"model        {excerpt(model.architecture)} ({excerpt(model.model_type)})")
    click.echo(
        f"parameters   {model.parameters:,}, of which {model.active_parameters:,} work on a token "
        f"({excerpt(model.dtype)})"
    )
    click.echo(f"context      {context}")
    click.echo(
        f"experts      {model.routed_experts:,} routed, in {len(model.sites)} of "
        f"{model.layers} layers"
        if model.is_moe
        else f"experts      {_DENSE}"
    )
    if model.is_moe:
        _print_sites(model.sites)


def _print_sites(sites: tuple[MoeSite, ...]) -> None:
    """Prints a table with one line for each run of neighbouring layers that are alike."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="")
    for title in ("layers", "experts each", "top-k", "shared"):
        table.add_column(title, justify="right")
    table.add_column("routing")
    runs = groupby(enumerate(sites), key=lambda pair: (pair[1].layer - pair[0], *_kind(pair[1])))
    for (_, *kind), run in runs:
        layers = [site.layer for _, site in run]
        span = f"{layers[0]}–{layers[-1]}" if len(layers) > 1 else str(layers[0])
        table.add_row(span, *map(str, kind))
    Console().print(table)


def _kind(site: MoeSite) -> tuple[int, int, int, str]:
    return site.experts, site.top_k, site.shared, site.routing


COMMAND = inspect
