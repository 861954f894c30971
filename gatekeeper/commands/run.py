"""`gatekeeper run`: the release gate, what CI calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.commands._audit_log import audit_log_option, note_verdict
from gatekeeper.commands._auditing import tell_left_out
from gatekeeper.commands._baseline import baseline_option
from gatekeeper.commands._cards import card_option, open_card
from gatekeeper.commands._click_options import audit_options, suite_option
from gatekeeper.commands._fail_on import fail_on_option
from gatekeeper.commands._layout import layout_of, layout_options
from gatekeeper.commands._option_kinds import Word
from gatekeeper.commands._pdf_signing import pdf_signer_of, pdf_signing_options, tell_pdf_signer
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._ranks import follow, in_step
from gatekeeper.commands._signing import sign_key_option, sign_outputs
from gatekeeper.commands._tier import tier_option
from gatekeeper.commands._waivers import load_with_waivers, waivers_option
from gatekeeper.records.audit_config import typed_options

if TYPE_CHECKING:  # torch is behind it
    from securesystemslib.signer import CryptoSigner

    from gatekeeper.engine.torchrun.ranks import Ranks


@click.command("run")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@suite_option
@click.option("--policy", "policy_path", type=PolicyFile(), required=True, help="YAML policy.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Directory for all outputs."
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("pdf", "markdown", "json", "junit"),
    show_default=True,
    help="Report to write (repeatable).",
)
@click.option(
    "--level",
    type=Word(["public", "committee", "restricted"]),
    default="committee",
    show_default=True,
    help="Disclosure level of the reports.",
)
@click.option("--lang", default="en", show_default=True, help="Language of the reports: en or ja.")
@layout_options
@tier_option
@fail_on_option
@click.option("--overwrite", is_flag=True, help="Replace a finished audit in --out.")
@card_option
@baseline_option
@waivers_option
@audit_log_option
@sign_key_option
@pdf_signing_options
@audit_options
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    checkpoint: Path,
    suite: Path,
    policy_path: Path,
    out: Path,
    formats: tuple[str, ...],
    level: str,
    lang: str,
    template: str,
    templates_path: Path | None,
    paper: str,
    tier: str | None,
    fail_on: str,
    overwrite: bool,
    card_path: Path | None,
    baseline_path: Path | None,
    waivers_path: Path | None,
    audit_log: Path | None,
    signer: CryptoSigner | None,
    pdf_cert: Path | None,
    pdf_key: Path | None,
    **options: Any,
) -> int:
    """Audit a checkpoint, hold it against a policy and write the reports.

    Writes evidence/ (the bundle), verdict.json, policy.yaml, waivers.yaml (if --waivers is given),
    report.pdf, summary.md, report.json, junit.xml and outputs.json (their digests). Interrupted, it
    goes on where it stopped when the same command is run again.

    \b
    Example:
      gatekeeper run ./checkpoint --suite suite/ --policy policies/release.yaml --out out/
    """
    typed = typed_options(suite, options)

    def lead(ranks: Ranks | None) -> int:
        from gatekeeper.commands._compared import release_of
        from gatekeeper.commands._gate import run_gate
        from gatekeeper.commands._progress import ProgressReporter
        from gatekeeper.commands._verdicts import exit_code, show
        from gatekeeper.report.disclosure import Disclosure

        pdf_signer = pdf_signer_of(pdf_cert, pdf_key, formats)
        policy = load_with_waivers(policy_path, waivers_path, tier)
        card = open_card(card_path)
        release = release_of(baseline_path)
        result = run_gate(
            checkpoint,
            typed,
            policy,
            out,
            formats=formats,
            level=Disclosure(level),
            lang=lang,
            layout=layout_of(template, templates_path, paper),
            overwrite=overwrite,
            fail_on=fail_on,
            card=card,
            release=release,
            reporter=ProgressReporter(gpu_hour_cost=typed.execution.gpu_hour_cost),
            ranks=ranks,
            pdf_signer=pdf_signer,
        )
        tell_left_out(result.evidence)
        show(result.evidence, result.verdict, policy, card)
        for path in result.reports:
            click.echo(f"wrote {path}")
        tell_pdf_signer(pdf_signer)
        sign_outputs(out, result.evidence, signer, policy, made_here=True)
        note_verdict(audit_log, "run", result.verdict)
        return exit_code(result.verdict)

    return in_step(typed, lead, lambda ranks: follow(checkpoint, typed, policy_path, tier, ranks))
