"""`gatekeeper policy tune`: the tightest limits that named past releases meet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import UsageError, excerpt

if TYPE_CHECKING:  # numpy is behind it; --help has no use for it
    from gatekeeper.history.tune import Tuned


@click.command("tune")
@click.argument("file", metavar="POLICY", type=PolicyFile())
@click.option(
    "--history", "folder", type=click.Path(path_type=Path), required=True, help="Past audits."
)
@click.option(
    "--must-pass",
    "named",
    metavar="DIGEST",
    multiple=True,
    required=True,
    help="A past release that must meet all limits, or `good`: all that are labelled so; repeat "
    "for more.",
)
@tier_option
@click.option("--prompt-cost", type=click.FloatRange(0), help="Price of a prompt, to count with.")
@click.option("--out", type=click.Path(path_type=Path), help="Write a patch to this file.")
@uncollected()
def tune(
    file: Path,
    folder: Path,
    named: tuple[str, ...],
    tier: str | None,
    prompt_cost: float | None,
    out: Path | None,
) -> None:
    """Tell the tightest limits that past releases meet, and what they would have got wrong.

    Of each rule: the end of the named releases' intervals, rounded outward to a whole unit, so that
    each passes with its whole interval; the prompts a set that such a limit takes for an 80 %
    chance of a decision; and, where releases are labelled (`gatekeeper history label`), how many
    good ones each limit blocks and how many bad ones it misses. Both limits of a rule with
    `between` are tuned; that of one with `max_regression` if the baseline is in the history too.
    POLICY itself is never changed. A limit that stands in a policy which POLICY extends is written
    over it, into POLICY.

    \b
    Example:
      gatekeeper policy tune release.yaml --history audits/ --must-pass 3f2a9c --out tune.patch
      gatekeeper policy tune release.yaml --history audits/ --must-pass good --prompt-cost 0.02
      patch -p1 < tune.patch
    """
    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.history.limit_patch import patch
    from gatekeeper.history.store import History
    from gatekeeper.history.tune import pasts, together
    from gatekeeper.history.tune import tune as tuned_by
    from gatekeeper.policy.load import load_policy

    policy = load_policy(file, tier)
    if out is not None:
        check_writable(out)
    with History(folder) as kept:
        told = [entry for entry in kept.entries() if entry.label]
        good = [entry for entry in told if entry.label == "good"]
        if "good" in named and not good:
            raise UsageError(
                "no release is labelled good",
                where=excerpt(folder),
                remedy="label some (gatekeeper history label), or name them by their digests",
            )
        asked = [e for name in named for e in (good if name == "good" else [kept.entry(name)])]
        wanted = list({entry.digest: entry for entry in asked}.values())
        labelled = pasts(kept, told)
        must_pass = pasts(kept, wanted)
        tuned = tuned_by(policy, must_pass, labelled)
        blocked = together(policy, tuned, must_pass)
    for one in tuned:
        click.echo(_line(one, prompt_cost))
        for at in one.curve:
            click.echo(
                f"    at {at.limit:g} {one.rule.unit}: {at.false_blocks} good blocked, "
                f"{at.missed} bad missed"
            )
    for line in blocked:
        click.echo(f"warning: {line}", err=True)
    text = patch(file, policy, tuned) if out is not None else ""
    if out is not None:
        write_bytes(out, text.encode())
        click.echo(f"{'no limit changes' if not text else 'patch written'}: {out}")


def _line(one: Tuned, prompt_cost: float | None) -> str:
    from gatekeeper.report.text import one as singular

    side = "max" if one.rule.maximum is not None else "min"
    side = f"{one.key}, {side}" if one.key == "between" else one.key
    head = singular(f"{one.rule.id}: {side} {one.limit:g} {one.rule.unit}")
    if one.tightest is None:
        return f"{head} → stays: {one.why}"
    text = singular(f"{head} → {one.tightest:g} {one.rule.unit} ({one.why})")
    text += ", LOOSER than now" if one.looser else ""
    if one.prompts is None:
        return f"{text}; prompts for it cannot be planned"
    text += f"; {one.prompts} prompts for an 80 % chance of a decision"
    return text if prompt_cost is None else f"{text}, at a price of {one.prompts * prompt_cost:g}"


COMMAND = tune
