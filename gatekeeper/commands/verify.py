"""`gatekeeper verify`: was anything altered, and does the verdict follow from the evidence?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._baseline import baseline_option
from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._pdf_signing import Trust, pdf_trust_option
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._signing import key_option, tell_signature
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import ExitCode, UsageError, excerpt
from gatekeeper.records.bundle_files import BUNDLE_FILES, COMPARED, MANIFEST, OUTPUTS, VERDICT

if TYPE_CHECKING:  # numpy is behind it; --help has no use for it
    from securesystemslib.signer import SSlibKey

    from gatekeeper.evidence.merkle import Commitment
    from gatekeeper.records.evidence import Evidence
    from gatekeeper.records.policy import Policy
    from gatekeeper.verify.selections import Derived
    from gatekeeper.verify.verify import Rechecked

#: Of a trial that was opened.
_MOST_BYTES = 16_000_000


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    "policy_path",
    type=PolicyFile(),
    help="Policy of the verdict; default: the policy.yaml beside it.",
)
@tier_option
@baseline_option
@click.option(
    "--waivers",
    "waivers_path",
    type=click.Path(path_type=Path),
    help="Waivers that the verdict was given with; default: the waivers.yaml beside it.",
)
@key_option
@pdf_trust_option
@click.option(
    "--opened",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A trial that `gatekeeper disclose` opened (repeatable): is it one of this audit?",
)
@uncollected()
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    path: Path,
    policy_path: Path | None,
    waivers_path: Path | None,
    tier: str | None,
    baseline_path: Path | None,
    key: SSlibKey | None,
    pdf_trust: Trust | None,
    opened: tuple[Path, ...],
) -> int:
    """Check digests, derive selections, masks, outcomes, findings and verdict again, and make the
    reports beside them again.

    PATH is an evidence bundle, the output directory of `gatekeeper run`, or a report.pdf alone,
    which is held against what travels inside it. Works without torch. Exit code 0 if everything
    agrees, 12 if anything does not, 2 if there is nothing at PATH; 11 if something could not be
    derived again here, such as outcomes of a judge that asks a model, what a report's level does
    not show, or a verdict on a bundle that lacks what this version records, unless it is signed
    with --key, or the report with --pdf-trust.

    \b
    Example:
      gatekeeper verify out/
      gatekeeper verify report.pdf
    """
    if path.is_file():
        if key is not None:
            raise UsageError(
                "a report alone carries no signature by such a key",
                where="--key",
                remedy="verify the output directory that it was written to, or give --pdf-trust",
            )
        return _of_report(path, policy_path, waivers_path, tier, baseline_path, opened, pdf_trust)
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.evidence.bundle import read_bundle
    from gatekeeper.policy.load import load_policy
    from gatekeeper.policy.waiver_files import read_waiver_file

    # Before the bundle is read: one that was named by mistake is no word against the evidence.
    policy = load_policy(policy_path, tier, earlier=True) if policy_path else None
    if waivers_path is not None:
        read_waiver_file(waivers_path)
    evidence = read_bundle(bundle_of(path))
    given = (policy, waivers_path, baseline_path, key, opened, pdf_trust)
    return tell_verified(path, evidence, evidence, *given)


def tell_verified(
    path: Path,
    evidence: Evidence,
    judged_on: Evidence,
    policy: Policy | None = None,
    waivers_path: Path | None = None,
    baseline_path: Path | None = None,
    key: SSlibKey | None = None,
    opened: tuple[Path, ...] = (),
    trust: Trust | None = None,
) -> int:
    """Prints what of a bundle, and of the verdict beside it, was derived again.

    Args:
        evidence: what was read there.
        judged_on: the same, which the verdict is derived from; it may remember what it is asked.
        key: that the evidence, and what lies beside it, must be signed with.
        opened: files of single trials.
        trust: whom the signature of the report must lead to.

    Returns:
        The exit code.

    Raises:
        EvidenceError: something is otherwise than it says.
    """
    from gatekeeper.commands._compared import release_of
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.commands._verify_again import check_again, require_report
    from gatekeeper.commands._verify_outputs import check_outputs
    from gatekeeper.commands._verify_verdict import derive_verdict
    from gatekeeper.evidence.manifest import commitment_of
    from gatekeeper.verify.verify import recheck

    bundle = bundle_of(path)
    click.echo(f"✓ digests: {len(BUNDLE_FILES)} files of {bundle} are as the manifest says")
    stated = [check_outputs(folder, bundle, evidence) for folder in dict.fromkeys((path, bundle))]
    if trust is not None:
        require_report(stated)
    rechecked = recheck(evidence)
    _tell(rechecked)
    _tell_selections(rechecked.selections)
    verdict = path / VERDICT
    judged = os.path.lexists(verdict)  # a link to nowhere too: what is there is not passed over
    derived = None
    if judged:
        derived = derive_verdict(judged_on, verdict, policy, waivers_path, baseline_path)
        click.echo(f"✓ verdict: {derived.told}")
    else:
        click.echo("– verdict: no verdict.json here, nothing to derive")
    commitment = commitment_of((bundle / MANIFEST).read_bytes(), where=excerpt(bundle / MANIFEST))
    _tell_opened(opened, evidence.digest, commitment, evidence)
    beside = (path / COMPARED).is_file()
    release = release_of(baseline_path) if beside and baseline_path is not None else None
    unsure = [
        what
        for outputs in stated
        for what in check_again(outputs, rechecked.evidence, bundle, derived, trust, release)
    ]
    signed = _signed(path, bundle, key)
    for what in (*rechecked.open, *rechecked.unsaid, *unsure):
        if signed:
            click.echo(f"✓ {what}: not derived again, and as it was when it was signed")
        else:
            click.echo(f"? {what}: altered or not, this cannot be told without a signature")
    # An old bundle may be honest; a verdict beside it says more than can be derived today.
    open_ = not signed and (rechecked.open or unsure or (rechecked.unsaid and judged))
    return ExitCode.INCONCLUSIVE if open_ else ExitCode.PASS


def _tell_opened(
    paths: tuple[Path, ...],
    digest: str,
    commitment: Commitment | None,
    evidence: Evidence | None,
) -> None:
    """Prints a line for each trial that was opened.

    Raises:
        EvidenceError: one is not of this audit, or was altered.
        UsageError: one cannot be read.
    """
    from gatekeeper.evidence.opening import read_opening
    from gatekeeper.plain_files import read_plain
    from gatekeeper.verify.opened import recheck_opening

    for path in paths:
        where = excerpt(path)
        try:
            data = read_plain(path, where, UsageError, _MOST_BYTES)
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=where) from error
        opening = read_opening(data, where)
        click.echo(f"✓ opened: {recheck_opening(opening, digest, commitment, evidence, where)}")


def _of_report(
    path: Path,
    policy_path: Path | None,
    waivers_path: Path | None,
    tier: str | None,
    baseline_path: Path | None,
    opened: tuple[Path, ...],
    trust: Trust | None,
) -> int:
    """Verifies a PDF that is all one has."""
    from gatekeeper.commands._verify_pdf import verify_pdf
    from gatekeeper.policy.load import load_policy

    if baseline_path is not None:
        raise UsageError(
            "a report carries what it needs of its baseline",
            where="--baseline",
            remedy="leave it out, or verify the evidence",
        )
    policy = load_policy(policy_path, tier, earlier=True) if policy_path else None
    checked = verify_pdf(path, policy, waivers_path, trust)
    shown = checked.shown
    evidence = None if shown.disclosed is None else shown.disclosed.evidence
    _tell_opened(opened, shown.evidence, checked.commitment, evidence)
    if checked.signed is None:
        click.echo("– signature: none; digests alone do not show who wrote the report")
    for what in checked.believed:
        if checked.signed:
            click.echo(f"✓ {what}: not checked here, and as it was when it was signed")
        else:
            click.echo(f"? {what}: not checked here")
    open_ = checked.believed and not checked.signed
    return ExitCode.INCONCLUSIVE if open_ else ExitCode.PASS


def _tell(rechecked: Rechecked) -> None:
    """Prints a line for each thing that was derived again, and for what could not be."""
    trials, stored = len(rechecked.evidence.trials), rechecked.compared
    click.echo(f"✓ masks: {rechecked.masks} follow from the rankings, or stand beside them")
    if rechecked.unjudged is None:
        click.echo(f"✓ outcomes: {trials} replies judged again, all agree")
    else:
        click.echo(f"– outcomes: not judged again: {rechecked.unjudged}")
    if rechecked.suite is not None:
        click.echo(f"✓ suite: the prompts are those of {excerpt(rechecked.suite)}")
    if rechecked.split:
        click.echo("✓ split: the prompts select and measure as the seed splits them")
    else:
        click.echo("– split: not derived again: the bundle holds no digests of levelled texts")
    if stops := rechecked.evidence.stops:
        early = sum(stop.early for stop in stops)
        click.echo(
            f"✓ stops: {len(stops)} runs, {early} of them ended early, each after the first "
            "prompts of its order"
        )
    if rechecked.left_out:
        reasons = "; ".join(rechecked.left_out)
        click.echo(f"– left out, for reasons that are not derived again: {reasons}")
    if rechecked.second is not None:
        click.echo(f"✓ second judge: {rechecked.second}")
    if stored:
        click.echo(f"✓ findings: {stored} measured again from {trials} trials, all agree")
    if rechecked.older:
        click.echo(f"– findings: not compared: {rechecked.told_older}")


def _tell_selections(derived: Derived) -> None:
    """Prints how many selections follow from the profile, and why others were not asked."""
    untold = "; ".join(
        f"{excerpt(name)} not derived again: {why}" for name, why in derived.untold.items()
    )
    if len(set(derived.untold.values())) == 1 and not derived.agreed:
        untold = f"not derived again: {next(iter(derived.untold.values()))}"
    if derived.agreed:
        count = len(derived.agreed)
        words = f"{count} derived again from the routing profile, all agree"
        click.echo(f"✓ selections: {words}" + (f"; {untold}" if untold else ""))
    else:
        click.echo(f"– selections: {untold or 'none'}")
    if derived.variants:
        names = ", ".join(map(excerpt, derived.variants))
        click.echo(f"– environments: selections under {names} rest on the model, not derived again")


def _signed(path: Path, bundle: Path, key: SSlibKey | None) -> bool:
    """Tells of the signatures of the evidence and of what lies beside it; whether both are right.

    Raises:
        EvidenceError: a key is given, and one of them was not signed with it.
    """
    signed = tell_signature(bundle / MANIFEST, key)
    if (path / OUTPUTS).is_file():
        signed = tell_signature(path / OUTPUTS, key) and signed
    return signed
