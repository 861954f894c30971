"""`gatekeeper history`: keep past audits, so that policies can be replayed over them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._history_lines import line_of
from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._option_kinds import Word
from gatekeeper.errors import EvidenceError, ExitCode, GatekeeperError, UsageError, excerpt
from gatekeeper.records.verdict import HEADLINES

if TYPE_CHECKING:  # numpy is behind it; --help has no use for it
    from gatekeeper.history.entry import Entry
    from gatekeeper.history.store import History

_LABELS = click.Choice(["good", "bad"])
_FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.group()
def history() -> None:
    """Keep past audits: add, list, show, label them, and clean up.

    A history is a directory: each bundle lies in it under its digest, beside an index. `gatekeeper
    policy replay` tells which of its verdicts another policy changes, `gatekeeper policy tune` the
    tightest limits that past releases meet. It is as sensitive as the evidence in it.

    \b
    Example:
      gatekeeper history add out/ --to audits/
      gatekeeper history list audits/
      gatekeeper policy replay policies/strict.yaml --history audits/
    """


@history.command("add")
@click.argument(
    "bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), required=True, help="Directory of it."
)
@click.option("--model", help="What to call the model; default: the checkpoint's own name.")
@click.option("--label", type=_LABELS, help="Whether the release turned out fine.")
@click.option("--link", is_flag=True, help="Make hard links instead of copies.")
@uncollected()
def add(
    bundles: tuple[Path, ...], folder: Path, model: str | None, label: str | None, link: bool
) -> int:
    """Verify bundles and keep them, with the verdicts beside them.

    BUNDLE is an evidence bundle, or the output of `gatekeeper run`. Each is verified as `gatekeeper
    verify` does, once. Adding one twice says so. One that does not verify is named and not added,
    the others are, and the exit code is 12.

    \b
    Example:
      gatekeeper history add out/* --to audits/ --label good
    """
    from gatekeeper.commands._history_add import add_one
    from gatekeeper.history.store import History

    for path in bundles:
        if not path.is_dir():
            raise UsageError(
                "no such evidence directory",
                where=excerpt(path),
                remedy="give the directory that holds evidence.json and manifest.json",
            )
    with History(folder, write=True) as kept:  # before any is read: may it be written to?
        failed: list[GatekeeperError] = []
        for path in bundles:
            try:
                click.echo(add_one(kept, path, model=model, label=label or "", link=link))
            except EvidenceError as error:
                failed.append(error)
                click.echo(f"not added: {error}", err=True)
    return failed[0].exit_code if failed else ExitCode.PASS


@history.command("list")
@_FOLDER
@click.option("--model", help="Of this model only.")
@click.option("--verdict", type=Word(HEADLINES), help="With this verdict only.")
@click.option("--policy", help="Judged by the policy of this id.")
@click.option("--label", type=_LABELS, help="With this label only.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def list_(
    folder: Path,
    model: str | None,
    verdict: str | None,
    policy: str | None,
    label: str | None,
    as_json: bool,
) -> None:
    """List what a history holds: by model, the latest audit first.

    \b
    Example:
      gatekeeper history list audits/ --verdict failed
    """
    from gatekeeper.history.store import History

    wanted = {"model": model, "headline": verdict, "label": label}
    with History(folder) as kept:
        entries = [
            entry
            for entry in kept.entries()
            if all(value in {None, getattr(entry, name)} for name, value in wanted.items())
            and policy in {None, entry.policy.partition(" ")[0]}
        ]
        broken = {entry.digest for entry in entries if _trouble(kept, entry)}
    if as_json:
        data = [_plain(entry, entry.digest in broken) for entry in entries]
        click.echo(json.dumps(data, indent=2))
        return
    for entry in entries:
        click.echo(
            line_of(entry) + ("  BROKEN: see history show" if entry.digest in broken else "")
        )
    click.echo(f"bundles: {len(entries)}" + (f", broken: {len(broken)}" if broken else ""))


@history.command("show")
@_FOLDER
@click.argument("digest")
def show(folder: Path, digest: str) -> int:
    """Show one audit: what it was of, its verdict, and where its files are.

    DIGEST is as much of its digest as tells it apart, as `history list` shows it. Exits with 12 if
    its files are not as they were when it was added.

    \b
    Example:
      gatekeeper history show audits/ 3f2a9c
    """
    from gatekeeper.history.store import History

    with History(folder) as kept:
        entry = kept.entry(digest)
        trouble, home = _trouble(kept, entry), kept.home(entry)
    lines = {
        "evidence": entry.digest,
        "model": entry.model,
        "checkpoint": entry.checkpoint,
        "audit finished": entry.finished,
        "added": entry.added,
        "label": entry.label or "none",
        "policy": f"{entry.policy} ({entry.policy_digest})" if entry.policy else "none",
        "judged on": entry.judged_on or "never",
        "verdict": entry.headline,
        "files": home,
    }
    for name, value in lines.items():
        click.echo(f"{name + ':':16}{excerpt(value, 400)}")
    if entry.brief is not None:
        click.echo(entry.brief.summary)
    if trouble is not None:
        raise trouble
    return ExitCode.PASS


@history.command("label")
@_FOLDER
@click.argument("digest")
@click.argument("label", type=click.Choice(["good", "bad", "none"]))
def label_(folder: Path, digest: str, label: str) -> None:
    """Say of a past release whether it turned out fine.

    `gatekeeper policy tune` counts what a limit would have blocked for nothing, and what it would
    have missed, where releases are labelled.

    \b
    Example:
      gatekeeper history label audits/ 3f2a9c bad
    """
    from gatekeeper.history.store import History

    with History(folder):  # one must be there already
        pass
    with History(folder, write=True) as kept:
        entry = kept.entry(digest)
        kept.label(entry, "" if label == "none" else label)
    click.echo(f"labelled {label}: {line_of(entry)}")


@history.command("gc")
@_FOLDER
@click.option("--older-than", required=True, help="Age of the audit: 2y, 6m, 8w or 90d.")
@click.option(
    "--keep-last", default=1, show_default=True, help="Of each model, keep so many of the latest."
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def gc(folder: Path, older_than: str, keep_last: int, dry_run: bool) -> None:
    """Remove old audits from a history, never the only one of a model.

    \b
    Example:
      gatekeeper history gc audits/ --older-than 2y --keep-last 3 --dry-run
    """
    from datetime import UTC, datetime

    from gatekeeper.history.expired import expired, since
    from gatekeeper.history.keep import remove
    from gatekeeper.history.store import History

    if keep_last < 1:
        raise UsageError(
            f"{keep_last} would leave a model without any audit",
            where="--keep-last",
            remedy="give 1 or more",
        )
    before = since(older_than, datetime.now(UTC).date())
    with History(folder):  # one must be there already
        pass
    with History(folder, write=not dry_run) as kept:
        gone = expired(kept.entries(), before, keep_last)
        if not dry_run and gone:
            kept.drop(gone)
            for entry in gone:
                remove(kept, entry)
    for entry in gone:
        click.echo(f"{'would remove' if dry_run else 'removed'}: {line_of(entry)}")
    click.echo(f"{len(gone)} of audits finished before {before}")


def _trouble(kept: History, entry: Entry) -> EvidenceError | None:
    from gatekeeper.history.keep import check_home

    try:
        check_home(kept, entry)
    except EvidenceError as error:
        return error
    return None


def _plain(entry: Entry, broken: bool) -> dict[str, object]:
    return {
        "digest": entry.digest,
        "model": entry.model,
        "checkpoint": entry.checkpoint,
        "finished": entry.finished.isoformat(),
        "added": entry.added.isoformat(),
        "policy": entry.policy,
        "policy_digest": entry.policy_digest,
        "verdict": entry.headline,
        "label": entry.label,
        "broken": broken,
    }


COMMAND = history
