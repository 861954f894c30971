"""`gatekeeper log`: read the audit log, and find what was changed in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.errors import UsageError, excerpt

if TYPE_CHECKING:
    from gatekeeper.evidence.audit_log import Entry

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD = ("line", "when", "who", "command", "checkpoint", "policy", "verdict", "waived")

_file = click.argument("path", metavar="LOG", type=click.Path(path_type=Path))


@click.group()
def log() -> None:
    """Read the audit log that --audit-log writes, and find what was changed in it.

    Each line holds the digest of the line before it. A line that was changed, taken out or moved is
    found; lines cut off at the end are found with the head that each command prints: keep it
    elsewhere.

    \b
    Example:
      gatekeeper check out/ --policy release --audit-log audit-log.jsonl
      gatekeeper log verify audit-log.jsonl
    """


@log.command("verify")
@_file
@click.option("--head", help="sha256:… that the last line must have, as it was kept elsewhere.")
def verify(path: Path, head: str | None) -> None:
    """Hold each line of a log against the one before it: 0 if all fit, 12 if one does not.

    \b
    Example:
      gatekeeper log verify audit-log.jsonl --head sha256:…
    """
    if head is not None and not _DIGEST.fullmatch(head):
        raise UsageError(
            f"{excerpt(head)!r} is no head of a log",
            where="--head",
            remedy="give sha256: and 64 hexadecimal digits, as the commands that write it print",
        )
    entries = _entries(path, head)
    count, last = len(entries), entries[-1].digest if entries else "none"
    click.echo(f"✓ {count} lines, each follows from the one before; head {last}")
    if head is None:
        click.echo("– end: whether lines were cut off there, only a head kept elsewhere can tell")


@log.command("show")
@_file
@click.option("--last", type=click.IntRange(min=1), help="Only so many lines, the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of a table.")
def show(path: Path, last: int | None, *, as_json: bool) -> None:
    """List the lines of a log, oldest first, after all of them were held against one another.

    \b
    Example:
      gatekeeper log show audit-log.jsonl --last 20
    """
    entries = _entries(path)
    shown = entries if last is None else entries[-last:]
    if as_json:
        for entry in shown:
            click.echo(json.dumps({"seq": entry.seq, "digest": entry.digest, **entry.told}))
        return
    rows = [_HEAD, *(_row(entry) for entry in shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _entries(path: Path, head: str | None = None) -> list[Entry]:
    from gatekeeper.evidence.audit_log import read_log

    try:
        return list(read_log(path, head))
    except FileNotFoundError as error:
        raise UsageError(
            "no such file", where=excerpt(path), remedy="give a log that --audit-log has written"
        ) from error


def _row(entry: Entry) -> tuple[str, ...]:
    """The cells of a line; of one that another version wrote, as far as they are there."""

    def text(*keys: str, most: int = 40) -> str:
        value: object = entry.told
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return "–" if value is None else excerpt(value, most)

    waived = entry.told.get("waived")
    names = ", ".join(map(str, waived)) if isinstance(waived, list) and waived else "–"
    return (
        str(entry.seq),
        text("at"),
        text("who", "user"),
        text("command"),
        text("checkpoint", most=80).removeprefix("sha256:")[:12],
        f"{text('policy', 'id')} {text('policy', 'version')}",
        text("verdict"),
        excerpt(names, 60),
    )


COMMAND = log
