"""`gatekeeper policy new`: a policy of your own, made from one that is there."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._option_kinds import Day
from gatekeeper.errors import UsageError, excerpt

if TYPE_CHECKING:
    from gatekeeper.policy.new import Base

#: Until a new policy is to be reviewed, unless told otherwise.
_REVIEW_DAYS = 180
_QUESTIONS = {
    "id": "Name of the policy, in small letters, digits and hyphens",
    "title": "What it is for, in a line",
    "owner": "Person or team that answers for it, such as model-risk@example.com",
    "review_by": "Day by which it is reviewed",
}


@click.command("new")
@click.option(
    "--from", "base_name", metavar="NAME|FILE",
    help="Shipped policy, or file, to start from.  [default: release]",
)  # fmt: skip
@click.option("--id", "id_", metavar="NAME", help=f"{_QUESTIONS['id']}.")
@click.option("--title", help="What it is for, in a line.  [default: as where it is made from]")
@click.option("--owner", help=f"{_QUESTIONS['owner']}.")
@click.option("--review-by", type=Day(), help="Day of its review.  [default: in 180 days]")
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: ID.yaml]")
def new(
    base_name: str | None,
    id_: str | None,
    title: str | None,
    owner: str | None,
    review_by: date | None,
    out: Path | None,
) -> None:
    """Write a policy of your own, made from a shipped one.

    Asks on a terminal for what no option gives. The new policy extends the one it is made from: all
    rules and limits of that hold, and what you write into it holds instead. An editor that knows
    YAML schemas completes and checks it: the schema is put beside it. Replaces no file.

    \b
    Example:
      gatekeeper policy new
      gatekeeper policy new --from release --id chat-release --owner risk@example.com
    """
    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.policy.new import KEYS, base_of, composed, shipped

    today = datetime.now(UTC).date()
    asking = sys.stdin.isatty() and (id_ is None or owner is None)
    if asking and base_name is None:
        base_name = click.prompt(f"Made from ({', '.join(shipped())}, or a file)", "release")
    base = base_of(base_name or "release")
    given = {"id": id_, "title": title, "owner": owner, "review_by": review_by and str(review_by)}
    usual = {"title": base.policy.title, "review_by": str(today + timedelta(days=_REVIEW_DAYS))}
    if asking:
        values = {key: given[key] or _asked(key, usual.get(key)) for key in KEYS}
    else:
        values = _complete({key: given[key] or usual.get(key) for key in KEYS})
    path = out or Path(f"{values['id']}.yaml")
    text = composed(base, values, path, today)
    if path.exists() or path.is_symlink():
        raise UsageError("is already there", where=excerpt(path), remedy="choose another --out")
    check_writable(path)
    write_bytes(path, text.encode())
    click.echo(f"wrote {excerpt(path)}: {_about(base)}")
    _put_schema(path)
    click.echo(f"next: gatekeeper policy explain {excerpt(path)}")


def _about(base: Base) -> str:
    policy = base.policy
    return f"{len(policy.rules)} rules, as in {policy.id} {policy.version}"


def _complete(values: dict[str, str | None]) -> dict[str, str]:
    """The values, if there is one for each.

    Raises:
        UsageError: one is missing, and nobody can be asked.
    """
    from gatekeeper.policy.new import option

    if missing := [option(key) for key, value in values.items() if value is None]:
        raise UsageError(
            f"missing {' and '.join(missing)}",
            remedy="give it, or call this on a terminal to be asked",
        )
    return {key: value for key, value in values.items() if value is not None}


def _asked(key: str, usual: str | None) -> str:
    """An answer of the right form; asks again until there is one."""
    from gatekeeper.policy.new import fault_of

    def checked(answer: str) -> str:
        if fault := fault_of(key, answer):
            raise click.UsageError(" → ".join(fault))
        return answer

    answer: str = click.prompt(_QUESTIONS[key], usual, value_proc=checked)
    return answer


def _put_schema(policy: Path) -> None:
    """Puts the schema that the policy's first line names beside it, unless it is there."""
    from gatekeeper.evidence.bundle import write_bytes
    from gatekeeper.policy.editor_schema import FILE
    from gatekeeper.policy.new import SCHEMA_FILE

    ours = FILE.read_bytes()
    place = policy.with_name(SCHEMA_FILE)
    if not place.exists():
        write_bytes(place, ours)
        click.echo(f"wrote {excerpt(place)}: with it an editor completes and checks policies")
    elif place.read_bytes() != ours:
        click.echo(f"left {excerpt(place)} as it is: it is of another version of Gatekeeper")


COMMAND = new
