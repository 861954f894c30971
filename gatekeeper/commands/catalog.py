"""`gatekeeper catalog`: what there is to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gatekeeper import catalog as entries
from gatekeeper.commands._option_kinds import Word

if TYPE_CHECKING:
    from gatekeeper.records.judge_options import JudgeOption

_SCHEMA = "gatekeeper/catalog/v1"
_SHOWN = ("metric", "selector", "judge", "format", "importer", "architecture")


@click.command()
@click.argument("kind", required=False, metavar="[KIND]", type=Word(_SHOWN))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a list.")
def catalog(kind: str | None, as_json: bool) -> None:
    """List metrics, selectors, judges, report formats, suite importers and model architectures.

    These are the ids that policies and options take. A changed definition is a new version.
    `catalog judge` also lists what --judge-option can set.
    Architectures are model types with rules of their own; `default` serves all others.

    \b
    Example:
      gatekeeper catalog
      gatekeeper catalog metric --json
    """
    rows = [_row(k, name) for k in ((kind,) if kind else _SHOWN) for name in entries.names(k)]
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
        **({"options": [_option(option) for option in entry.options]} if kind == "judge" else {}),
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
