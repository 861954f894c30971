"""`gatekeeper policy doc`: a policy as a page of Markdown."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._tier import tier_option
from gatekeeper.commands._waivers import load_with_waivers, waivers_option


@click.command("doc")
@click.argument("file", type=PolicyFile())
@click.option("--lang", default="en", show_default=True, help="Language of the page: en or ja.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: print it]")
@tier_option
@waivers_option
def doc(
    file: Path, lang: str, out: Path | None, tier: str | None, waivers_path: Path | None
) -> None:
    """Make a page of a policy: rules as a table, why each limit, what must be measured, waivers.

    \b
    Example:
      gatekeeper policy doc policies/release.yaml --out release-policy.md
    """
    from datetime import date

    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.policy.doc import page

    if out is not None:
        check_writable(out)
    text = page(load_with_waivers(file, waivers_path, tier), date.today(), lang)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_bytes(out, text.encode())


COMMAND = doc
