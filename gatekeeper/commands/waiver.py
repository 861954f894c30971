"""`gatekeeper waiver`: grant accepted exceptions in a file of their own, and see which end."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._audit_log import audit_log_option, note
from gatekeeper.commands._option_kinds import Day, Days
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.errors import EvidenceError, ExitCode, UsageError, excerpt
from gatekeeper.records.bundle_files import BUNDLE, MANIFEST, POLICY, VERDICT

if TYPE_CHECKING:  # numpy is behind it; --help has no use for it
    from gatekeeper.policy.waiver_states import WaiverState
    from gatekeeper.records.evidence import Evidence
    from gatekeeper.records.verdict import Verdict

#: Of a verdict: its findings name each expert that something is said of.
_MOST_BYTES = 50_000_000


@click.group()
def waiver() -> None:
    """Grant waivers in a file of their own, and see which of them end.

    A waiver accepts that one rule does not pass, for one checkpoint, up to the number that was
    seen, until a day, approved by somebody else than who asks for it. In a file of its own it
    leaves the policy, and its digest, as they are.

    \b
    Example:
      gatekeeper waiver list waivers.yaml --expiring 14d
    """


@waiver.command("new")
@click.argument("verdict", metavar="VERDICT_OR_BUNDLE", type=click.Path(path_type=Path))
@click.option("--rule", required=True, help="Rule that did not pass.")
@click.option("--expires-in", type=Days(), help="How long it counts, such as 30d or 2w.")
@click.option("--expires", type=Day(), help="Its last day, instead of --expires-in.")
@click.option("--owner", required=True, help="E-mail address of who asks for it.")
@click.option("--approver", required=True, help="E-mail address of who approves it, somebody else.")
@click.option("--reason", required=True, help="Why it is acceptable for so long.")
@click.option("--ticket", default="", help="Where it was discussed, such as RISK-123.")
@click.option(
    "--policy", "policy_path", type=PolicyFile(),
    help="Policy to hold a bundle against that has no verdict beside it.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("waivers.yaml"), show_default=True,
    help="File to add it to; made if it is not there.",
)  # fmt: skip
@audit_log_option
def new(
    verdict: Path,
    rule: str,
    expires_in: int | None,
    expires: date | None,
    owner: str,
    approver: str,
    reason: str,
    ticket: str,
    policy_path: Path | None,
    out: Path,
    audit_log: Path | None,
) -> None:
    """Grant a waiver for a rule that did not pass.

    VERDICT_OR_BUNDLE is the output of `gatekeeper run`, or a verdict.json alone. The waiver is
    bound to the checkpoint of the verdict and to the worst number seen there, with its interval,
    rounded outward: whatever is worse is not what was accepted. Where the evidence lies beside the
    verdict, the number covers what undecided replies may have been; with a verdict alone, `check`
    may find that they reach beyond it. It is added to --out, whose other lines and comments stay.

    \b
    Example:
      gatekeeper waiver new out/ --rule few-experts --expires-in 30d --ticket RISK-7 \\
        --owner a.ml@example.com --approver b.risk@example.com --reason "Mended in the next run."
    """
    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.policy.grant import Request, added, granted

    today = datetime.now(UTC).date()
    check_writable(out)
    request = Request(
        rule=rule, owner=owner, approver=approver, reason=reason, ticket=ticket, issued=today,
        expires=_last_day(today, expires_in, expires),
    )  # fmt: skip
    _hold_longest(policy_path or verdict / POLICY, (request.expires - today).days)
    judged, evidence = _verdict(verdict, policy_path)
    entries = granted(judged, request, evidence)
    text = added(out, entries, judged)
    write_bytes(out, text)
    sides = (("not_below", "down to"), ("not_above", "up to"))
    worst = " and ".join(f"{words} {entries[key]}" for key, words in sides if key in entries)
    click.echo(
        f"{excerpt(out)}: rule {rule} is waived {worst} until {entries['expires']}, for the "
        f"checkpoint {judged.checkpoint_digest[:19]}…"
    )
    told = {
        "checkpoint": judged.checkpoint_digest,
        "waivers": "sha256:" + hashlib.sha256(text).hexdigest(),
        "waived": [rule],
        "owner": owner,
        "approver": approver,
        "expires": str(entries["expires"]),
        "ticket": ticket,
    }
    note(audit_log, "waiver new", told)


@waiver.command("list")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PolicyFile())
@click.option(
    "--policy", "policies", type=PolicyFile(), multiple=True,
    help="Policy that they are for; one for a rule that it does not have exits with 2.",
)  # fmt: skip
@click.option(
    "--expiring", type=Days(),
    help="Exit with 10 if one ends within so many days, such as 14d, has ended, or does not count.",
)  # fmt: skip
def list_(files: tuple[Path, ...], policies: tuple[Path, ...], expiring: int | None) -> int:
    """List the waivers of files of waivers and of policies, those that end first at the top.

    One that another for the same rule and checkpoint outlives is called renewed, and asks for
    nothing. With --policy, or a policy among the files, one for a rule that it does not have is
    named. Whether a waiver covers what was measured only `gatekeeper check` can tell.

    \b
    Example:
      gatekeeper waiver list waivers.yaml policies/release.yaml
      gatekeeper waiver list waivers.yaml --policy release --expiring 14d
    """
    from gatekeeper.policy.waiver_states import UNKNOWN_RULE, states

    found = states(files, datetime.now(UTC).date(), expiring, policies)
    for line in _table(found):
        click.echo(line)
    due = [one for one in found if one.due]
    click.echo(f"waivers: {len(found)}, to renew, mend or remove: {len(due)}")
    if any(one.state == UNKNOWN_RULE for one in found):
        return ExitCode.USAGE
    return ExitCode.FAIL if due and expiring is not None else ExitCode.PASS


def _table(found: tuple[WaiverState, ...]) -> list[str]:
    head = ("rule", "checkpoint", "owner", "approver", "days left", "state", "where")
    rows = [head] if found else []
    for one in found:
        row = one.waiver
        state = f"{one.state}: {one.why}" if one.why else one.state
        people = (excerpt(row.owner, 40), excerpt(row.approver, 40))
        short = row.checkpoint.removeprefix("sha256:")[:12]
        rows.append((row.rule, short, *people, str(one.left), state, one.where))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _last_day(today: date, days: int | None, day: date | None) -> date:
    """The last day of a waiver, of the two ways to say it.

    Raises:
        UsageError: neither or both were given, or the day has passed.
    """
    if (days is None) == (day is None):
        raise UsageError(
            "a waiver needs an end, and one only",
            where="--expires-in",
            remedy="give --expires-in 30d, or --expires with a day",
        )
    last = day if day is not None else today + timedelta(days=days or 0)
    if last < today:
        raise UsageError(f"{last} has passed", where="--expires", remedy="give a day from today on")
    return last


def _hold_longest(policy_path: Path, days: int) -> None:
    """Refuses a waiver that runs longer than its policy allows, where that can be seen.

    Raises:
        UsageError: it does, or the policy cannot be read.
    """
    from gatekeeper.policy.load import load_policy

    longest = (
        load_policy(policy_path, earlier=True).longest_waiver if policy_path.is_file() else None
    )
    if longest is not None and days > longest:
        raise UsageError(
            f"it would end in {days} days, and the policy allows {longest}",
            where="--expires-in",
            remedy=f"give --expires-in {longest}d or less",
        )


def _verdict(path: Path, policy_path: Path | None) -> tuple[Verdict, Evidence | None]:
    """The verdict in a file or an output directory; else that of a bundle under a policy.

    With its evidence, where that lies beside it.

    Raises:
        UsageError: there is neither a verdict nor a policy to come to one.
        EvidenceError: it is no verdict, or the bundle does not verify.
    """
    file = path / VERDICT if path.is_dir() else path
    if policy_path is not None:
        return _judged(path, policy_path)
    if not file.is_file():
        raise UsageError(
            "no verdict here",
            where=excerpt(file),
            remedy="give a verdict.json (gatekeeper check --out writes one), or add --policy",
        )
    verdict = _read(file)
    if not (path / BUNDLE / MANIFEST).is_file():
        return verdict, None
    from gatekeeper.evidence.bundle import read_bundle

    evidence = read_bundle(path / BUNDLE)
    if evidence.digest != verdict.evidence_digest:
        raise EvidenceError(
            "the verdict is of other evidence than the one beside it",
            where=excerpt(file),
            remedy="judge it again with gatekeeper check",
        )
    return verdict, evidence


def _read(file: Path) -> Verdict:
    from gatekeeper.plain_files import read_plain
    from gatekeeper.policy.wire import verdict_from_json
    from gatekeeper.strict_json import strict_loads

    try:
        data = strict_loads(read_plain(file, excerpt(file), EvidenceError, _MOST_BYTES))
        return verdict_from_json(data, where=excerpt(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            "not a readable verdict",
            where=excerpt(file),
            remedy="make it again with gatekeeper check",
        ) from error


def _judged(path: Path, policy_path: Path) -> tuple[Verdict, Evidence]:
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.evidence.bundle import read_bundle
    from gatekeeper.policy.evaluate import evaluate
    from gatekeeper.policy.load import load_policy
    from gatekeeper.verify.verify import recheck

    policy = load_policy(policy_path)
    evidence = recheck(read_bundle(bundle_of(path))).evidence
    return evaluate(evidence, policy, datetime.now(UTC).date()), evidence


COMMAND = waiver
