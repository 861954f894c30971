"""`gatekeeper catalog`: what there is to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gatekeeper import catalog as entries
from gatekeeper.commands._option_kinds import Word
from gatekeeper.errors import UsageError, did_you_mean, excerpt

if TYPE_CHECKING:
    from gatekeeper.records.judge_options import JudgeOption
    from gatekeeper.records.plugins import Metric

_SCHEMA = "gatekeeper/catalog/v1"
_SHOWN = ("metric", "selector", "judge", "format", "importer", "architecture")


@click.command()
@click.argument("kind", required=False, metavar="[KIND]", type=Word(_SHOWN))
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a list.")
def catalog(kind: str | None, name: str | None, as_json: bool) -> None:
    """List metrics, selectors, judges, report formats, suite importers and model architectures.

    These are the ids that policies and options take. A changed definition is a new version.
    `catalog judge` also lists what --judge-option can set, and `catalog metric NAME` says what a
    metric means, which way is worse, and what it takes (docs/metrics.md has them all).
    Architectures are model types with rules of their own; `default` serves all others.

    \b
    Example:
      gatekeeper catalog
      gatekeeper catalog metric --json
      gatekeeper catalog metric refusal-drop
    """
    if kind == "metric" and name is not None and not as_json:
        from gatekeeper.policy.metric_words import screen

        click.echo(screen(entries.load(kind, name)), nl=False)
        return
    kinds = (kind,) if kind else _SHOWN
    rows = [_row(k, one) for k in kinds for one in _asked(k, name)]
    if as_json:
        import json

        click.echo(json.dumps({"schema": _SCHEMA, "entries": rows}, indent=2))
        return
    width = max((len(str(row["id"])) for row in rows), default=0)
    for row in rows:
        version = f"v{row['version']}" if row["version"] else ""
        click.echo(f"{row['kind']:12}  {row['id']:{width}}  {version:3}  {row['title']}".rstrip())
        for option in row.get("options", ()) if kind else ():
            default = f" (default: {option['default']})" if option["default"] else ""
            must = " (required)" if option["required"] else default
            click.echo(f"    {option['name']:18} {option['title']}{must}")


def _asked(kind: str, name: str | None) -> tuple[str, ...]:
    """All names of a kind, or the one that was given."""
    if name is None:
        return entries.names(kind)
    if name not in entries.names(kind):
        raise UsageError(
            f"unknown {kind} {excerpt(name)!r}", remedy=did_you_mean(name, entries.names(kind))
        )
    return (name,)


def _row(kind: str, name: str) -> dict[str, Any]:
    if kind == "architecture":
        from gatekeeper.checkpoint.families import family  # what it is itself needs torch

        return {"kind": kind, "id": name, "version": None, "title": family(name).title}
    entry = entries.load(kind, name)
    return {
        "kind": kind,
        "id": name,
        "version": getattr(entry, "version", None),
        "title": entry.title,
        **(_metric(entry) if kind == "metric" else {}),
        **({"options": [_option(option) for option in entry.options]} if kind == "judge" else {}),
    }


def _metric(metric: Metric) -> dict[str, Any]:
    from gatekeeper.policy.metric_words import direction, meaning

    return {
        "unit": metric.unit,
        "direction": direction(metric),
        "meaning": meaning(metric),
        "takes": metric.takes,
        "parameters": list(metric.parameters),
        "required": list(metric.required),
    }


def _option(option: JudgeOption) -> dict[str, Any]:
    return {
        "name": option.name,
        "title": option.title,
        "required": option.required,
        "default": option.default,
        "choices": list(option.choices),
    }


COMMAND = catalog
