"""`gatekeeper disclose`: opens one trial of an audit, and proves that it is one of it."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._memory import uncollected


@click.command("disclose")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option(
    "--trial",
    required=True,
    metavar="MASK/PROMPT",
    help="Which trial: a mask's name and a prompt's id.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="File to write the trial to."
)
@uncollected()
def COMMAND(evidence: Path, trial: str, out: Path) -> int:  # noqa: N802 - see catalog.py
    """Open one trial of an audit for somebody who has only the report.

    EVIDENCE is a bundle, or the output of `gatekeeper run`. The file holds the reply, and the path
    of hashes from it to the commitment in the report: `gatekeeper verify report.pdf --opened FILE`
    shows that it is a trial of that audit and was not altered. Nothing is learned of any other.

    \b
    Example:
      gatekeeper disclose out/ --trial unmasked/reg-001 --out opened.json
      gatekeeper verify report.pdf --opened opened.json
    """
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.errors import ExitCode
    from gatekeeper.evidence.bundle import check_writable, read_bundle, write_bytes
    from gatekeeper.evidence.opening import open_trial

    check_writable(out)
    bundle = bundle_of(evidence)
    write_bytes(out, open_trial(bundle, read_bundle(bundle), trial), private=True)
    click.echo(f"wrote {out}: it holds a reply, give it to nobody but those who may read it")
    return ExitCode.PASS
