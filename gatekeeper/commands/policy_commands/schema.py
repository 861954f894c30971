"""`gatekeeper policy schema`: the JSON Schema that editors complete policies by."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("schema")
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this file.")
def schema(out: Path | None) -> None:
    """Print the JSON Schema of policies, with the metrics, selectors and judges there are.

    An editor that knows it (VS Code with the YAML extension, for one) completes names, units and
    subjects, and marks what is wrong. Name it in the first line of a policy; `gatekeeper policy
    fix` does:

    \b
      # yaml-language-server: $schema=policy-schema.json

    \b
    Example:
      gatekeeper policy schema --out policy-schema.json
    """
    from gatekeeper.evidence.bundle import write_bytes
    from gatekeeper.policy.editor_schema import as_text

    if out is None:
        click.echo(as_text(), nl=False)
        return
    write_bytes(out, as_text().encode())


COMMAND = schema
