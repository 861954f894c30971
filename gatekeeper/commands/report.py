"""`gatekeeper report`: render stored evidence and its verdict under a policy."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper import catalog
from gatekeeper.commands._audit_log import audit_log_option, note_verdict
from gatekeeper.commands._baseline import baseline_option
from gatekeeper.commands._cards import card_option
from gatekeeper.commands._fail_on import fail_on_option
from gatekeeper.commands._layout import layout_of, layout_options
from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._option_kinds import Day, Word
from gatekeeper.commands._pdf_signing import pdf_signer_of, pdf_signing_options, tell_pdf_signer
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._signing import sign_key_option, sign_outputs
from gatekeeper.commands._tier import tier_option
from gatekeeper.commands._waivers import load_with_waivers, waivers_option

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

_LEVELS = ("public", "committee", "restricted")


@click.command()
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option(
    "--policy", "policy_file", required=True, type=PolicyFile(),
    help="Policy (YAML) the evidence is held against.",
)  # fmt: skip
@click.option(
    "--format", "formats", multiple=True, default=("pdf",), show_default=True, metavar="NAME",
    help=f"What to render; may be repeated. One of: {', '.join(catalog.names('format'))}.",
)  # fmt: skip
@click.option(
    "--out", "out_dir", type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write to.  [default: the evidence's]",
)  # fmt: skip
@click.option(
    "--level", type=Word(_LEVELS), default="committee", show_default=True,
    help="Who may read it: public (verdict and aggregates), committee (no expert ids, no replies), "
    "restricted (all).",
)  # fmt: skip
@click.option("--lang", default="en", show_default=True, help="Language of the report: en or ja.")
@layout_options
@click.option(
    "--as-of", type=Day(),
    help="Date that waivers and the review date are held against.  [default: SOURCE_DATE_EPOCH, "
    "else today (UTC)]",
)  # fmt: skip
@tier_option
@fail_on_option
@card_option
@baseline_option
@waivers_option
@audit_log_option
@sign_key_option
@pdf_signing_options
@uncollected()
def report(
    evidence: Path,
    policy_file: Path,
    formats: tuple[str, ...],
    out_dir: Path | None,
    level: str,
    lang: str,
    template: str,
    templates_path: Path | None,
    paper: str,
    as_of: date | None,
    tier: str | None,
    fail_on: str,
    card_path: Path | None,
    baseline_path: Path | None,
    waivers_path: Path | None,
    audit_log: Path | None,
    signer: CryptoSigner | None,
    pdf_cert: Path | None,
    pdf_key: Path | None,
) -> None:
    """Render reports from an evidence bundle and a policy.

    EVIDENCE is a bundle directory, or the output of `gatekeeper run`. Needs no model and no GPU.
    The same bundle, policy, waivers, level, language, date and --fail-on give the same bytes.
    `--format console` prints to the terminal; all other formats are written to --out.

    Exits with 0 if the reports were made, whatever the verdict in them: `gatekeeper check` is the
    command that gates.

    \b
    Example:
      gatekeeper report evidence/ --policy policies/release.yaml --format pdf --format markdown
    """
    from gatekeeper.commands._cards import card_for
    from gatekeeper.commands._compared import compared_with, release_of
    from gatekeeper.commands._judged import judge
    from gatekeeper.commands._output import check_directory
    from gatekeeper.commands._reporting import render_reports, source_date, write_reports
    from gatekeeper.commands._verdicts import bundle_of, hold_day, replaced_policy, tell_older
    from gatekeeper.evidence.bundle import read_bundle
    from gatekeeper.outside import refuse_inside_checkpoint
    from gatekeeper.report.disclosure import Disclosure
    from gatekeeper.verify.verify import recheck

    layout = layout_of(template, templates_path, paper)
    pdf_signer = pdf_signer_of(pdf_cert, pdf_key, formats)
    policy = load_with_waivers(policy_file, waivers_path, tier)
    if out_dir is not None:
        check_directory(out_dir)
    out_dir = out_dir or evidence
    refuse_inside_checkpoint(out_dir)
    replaces = replaced_policy(policy, evidence)
    evidence = bundle_of(evidence)
    rechecked = recheck(read_bundle(evidence))
    tell_older(rechecked)
    audit = rechecked.evidence
    card = card_for(card_path, audit)
    day, typed_into = _day(as_of, source_date())
    hold_day(audit, day, evidence, typed_into=typed_into)
    release = release_of(baseline_path)
    verdict, asked = judge(
        audit,
        policy,
        day,
        fail_on=fail_on,
        card=None if card is None else card.card,
        replaces=replaces,
        baseline=None if release is None else release.evidence,
    )
    compared = compared_with(audit, verdict, policy, release)
    shown = Disclosure(level)
    files = [name for name in formats if name != "console"]
    made = (audit, verdict, policy, evidence)
    for path in write_reports(
        *made, out_dir, files, shown, lang, card, asked, layout, pdf_signer, compared
    ):
        click.echo(f"wrote {path}")
    tell_pdf_signer(pdf_signer)
    if "console" in formats:
        texts = render_reports(*made, ["console"], shown, lang, card)
        click.echo("".join(data.decode() for data in texts.values()), nl=False)
    sign_outputs(out_dir, audit, signer, policy, baseline_path)
    note_verdict(audit_log, "report", verdict)


def _day(as_of: date | None, source: datetime | None) -> tuple[date, str]:
    """The day of the verdict, and the option or variable it was typed into."""
    if as_of is not None:
        return as_of, "--as-of"
    if source is not None:
        return source.date(), "SOURCE_DATE_EPOCH"
    return datetime.now(UTC).date(), ""


COMMAND = report
