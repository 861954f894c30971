"""`gatekeeper keys`: keys to sign evidence and verdicts with."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.errors import UsageError, excerpt


@click.group()
def keys() -> None:
    """Make keys to sign evidence and verdicts with.

    \b
    Example:
      gatekeeper keys new --out release-gate.pem
      gatekeeper check out/ --policy release --sign-key release-gate.pem
      gatekeeper verify out/ --key release-gate.pub.pem
    """


@keys.command("new")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True,
    help="File for the private key; the public one is written beside it, as NAME.pub.pem.",
)  # fmt: skip
def new(out: Path) -> None:
    """Make an Ed25519 key pair.

    The private key signs: keep it where only the job that signs can read it. The public key goes to
    everybody who verifies. Neither file may be there already: a key that is overwritten is lost.

    \b
    Example:
      gatekeeper keys new --out release-gate.pem
    """
    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.evidence.signing import new_key

    public = out.with_name(f"{out.stem}.pub.pem")
    for path in (out, public):
        if path.exists() or path.is_symlink():
            raise UsageError(
                "there already", where=excerpt(path), remedy="give another --out, or move the key"
            )
        check_writable(path)
    secret, shown, name = new_key()
    write_bytes(out, secret, private=True)
    write_bytes(public, shown)
    click.echo(f"private key: {excerpt(out)} (keep it secret)")
    click.echo(f"public key:  {excerpt(public)}")
    click.echo(f"key id:      {name}")


COMMAND = keys
