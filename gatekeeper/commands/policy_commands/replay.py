"""`gatekeeper policy replay`: what a policy would have said of past audits."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._day import day_of
from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import ExitCode, excerpt


@click.command("replay")
@click.argument("file", metavar="POLICY", type=PolicyFile())
@click.option(
    "--history", "folder", type=click.Path(path_type=Path), required=True, help="Past audits."
)
@click.option(
    "--against",
    type=PolicyFile(),
    help="Compare with this policy instead of the stored verdicts.",
)
@click.option(
    "--format",
    "view",
    type=click.Choice(["table", "markdown", "html", "json"]),
    default="table",
    show_default=True,
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--model", help="Audits of this model only.")
@click.option(
    "--on",
    "day",
    help="Day on which waivers are held, or `today`; default: that of each stored verdict.",
)
@tier_option
@click.option("--exit-code", is_flag=True, help="Exit with 10 if any verdict flips.")
@click.option("--anew", is_flag=True, help="Read every bundle; believe nothing remembered.")
@uncollected()
def replay(
    file: Path,
    folder: Path,
    against: Path | None,
    view: str,
    out: Path | None,
    model: str | None,
    day: str | None,
    tier: str | None,
    exit_code: bool,
    anew: bool,
) -> int:
    """Tell which past audits a policy would have judged otherwise, and why.

    Each is held against POLICY as `gatekeeper check` would, with the waivers beside the verdict it
    got then and with that one's baseline, and compared with it. Flips are told with the rule, its
    number, its interval and its limit. A broken bundle is named, all others are judged; the exit
    code is then 12.

    Changed limits and waivers are answered from what is remembered of each bundle. New metrics,
    subjects and needs are asked of the bundles themselves, which takes a second each, once; so are
    other severities and limits where a fail comes to be claimed at another level of confidence.

    \b
    Example:
      gatekeeper policy replay policies/strict.yaml --history audits/
      gatekeeper policy replay new.yaml --against old.yaml --history audits/ --format markdown
    """
    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.history.replay import replay as replay_all
    from gatekeeper.history.replay_views import VIEWS
    from gatekeeper.history.store import History
    from gatekeeper.policy.extend import tiers_of
    from gatekeeper.policy.load import load_policy

    on = day_of(day)
    policy = load_policy(file, tier)
    old = None
    if against is not None:
        old = load_policy(against, tier if tiers_of(against) else None)
    if out is not None:
        check_writable(out)
    with History(folder) as kept:
        replayed = replay_all(kept, policy, against=old, day=on, anew=anew, model=model)
    beside = "the stored verdicts" if old is None else f"{old.id} {old.version}"
    text = VIEWS[view](replayed, excerpt(f"{policy.id} {policy.version} against {beside}"))
    if out is None:
        click.echo(text, nl=False)
    else:
        write_bytes(out, text.encode())
    for one in replayed:
        if one.trouble:
            click.echo(f"not judged: {one.entry.short} {one.trouble}", err=True)
    if exit_code and any(one.flips for one in replayed):
        return ExitCode.FAIL
    return ExitCode.NOT_VERIFIED if any(one.trouble for one in replayed) else ExitCode.PASS


COMMAND = replay
