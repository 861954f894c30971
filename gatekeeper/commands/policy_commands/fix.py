"""`gatekeeper policy fix`: mends what is safe to mend in a policy file."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._policy_file import PolicyFile


@click.command("fix")
@click.argument("file", type=PolicyFile())
@click.option("--write", is_flag=True, help="Change the file, and not only show how.")
def fix(file: Path, write: bool) -> None:
    """Mend what is safe to mend in a policy, and show it as a diff; --write changes the file.

    That is: the spelling of units, the order of keys, spaces that are none or stand at the end of a
    line, and the first line by which an editor finds the schema. Comments stay, and what the policy
    says stays the same; all else is for `gatekeeper policy lint` to tell and for people to decide.

    \b
    Example:
      gatekeeper policy fix my-policy.yaml
      gatekeeper policy fix my-policy.yaml --write
    """
    from difflib import unified_diff

    from gatekeeper.errors import excerpt
    from gatekeeper.evidence.bundle import write_bytes
    from gatekeeper.policy.fix import fixed
    from gatekeeper.policy.yaml_marks import read_text

    old = read_text(file)
    new = fixed(old, file)
    name = excerpt(file)
    if new == old:
        click.echo(f"{name}: nothing to mend")
        return
    lines = unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="")
    click.echo("\n".join(excerpt(line, 1000) for line in lines))
    if write:
        write_bytes(file, new.encode())
        click.echo(f"{name}: written")


COMMAND = fix
