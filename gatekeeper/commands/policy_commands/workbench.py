"""`gatekeeper policy workbench`: a page on which limits are slid over past audits."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.commands._day import day_of
from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import ExitCode


@click.command("workbench")
@click.argument("file", metavar="[POLICY]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--history", "folder", type=click.Path(path_type=Path), required=True, help="Past audits."
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Write the page to this file."
)
@click.option("--model", help="Audits of this model only.")
@click.option(
    "--on",
    "day",
    help="Day on which waivers are held, or `today`; default: that of each stored verdict.",
)
@click.option("--lang", default="en", show_default=True, help="Language of the page: en or ja.")
@tier_option
@uncollected()
def workbench(
    file: Path | None,
    folder: Path,
    out: Path,
    model: str | None,
    day: str | None,
    lang: str,
    tier: str | None,
) -> int:
    """Make a page with a slider for each limit, on which past audits come out anew at each step.

    One HTML file that loads nothing, for anybody with a browser: which audits would be blocked or
    released, by which rule and number; how many prompts a limit takes; and the text of a policy
    that says what was changed. It holds aggregates only: no prompts, replies or experts. POLICY
    itself is never changed; left out, it is that of the latest verdict. A broken bundle is named,
    all others are shown; the exit code is then 12.

    What limits may be slid to is asked of each bundle, which takes some seconds an audit, once.

    \b
    Example:
      gatekeeper policy workbench policies/release.yaml --history audits/ --out workbench.html
    """
    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.history.store import History
    from gatekeeper.history.workbench import latest_policy, slid
    from gatekeeper.history.workbench_page import page
    from gatekeeper.policy.in_words import wording
    from gatekeeper.policy.load import load_policy

    wording(lang)
    on = day_of(day)
    if file is not None:
        policy = load_policy(file, tier)
    check_writable(out)
    with History(folder) as kept:
        if file is None:
            file = latest_policy(kept)
            policy = load_policy(file, tier)
        found = slid(kept, policy, day=on, model=model)
    write_bytes(out, page(policy, file, found, out, lang).encode())
    for entry, trouble in found.broken:
        click.echo(f"not judged: {entry.short} {trouble}", err=True)
    broken = f", {len(found.broken)} broken" if found.broken else ""
    click.echo(f"{len(found.audits)} audits{broken}: {out}")
    return ExitCode.NOT_VERIFIED if found.broken else ExitCode.PASS


COMMAND = workbench
