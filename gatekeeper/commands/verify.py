"""`gatekeeper verify`: was anything altered, and does the verdict follow from the evidence?"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.commands._baseline import baseline_option
from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._signing import key_option, tell_signature
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import EvidenceError, ExitCode, excerpt
from gatekeeper.plain_files import read_plain
from gatekeeper.records.bundle_files import (
    BUNDLE,
    BUNDLE_FILES,
    MANIFEST,
    POLICY,
    SIGNATURE,
    VERDICT,
    WAIVERS,
)

if TYPE_CHECKING:  # numpy is behind it; --help has no use for it
    from securesystemslib.signer import SSlibKey

    from gatekeeper.records.evidence import Evidence
    from gatekeeper.records.policy import Policy
    from gatekeeper.verify.selections import Derived
    from gatekeeper.verify.verify import Rechecked

#: Of a verdict: its findings name each expert that something is said of.
_MOST_BYTES = 50_000_000


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
@uncollected()
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    path: Path,
    policy_path: Path | None,
    waivers_path: Path | None,
    tier: str | None,
    baseline_path: Path | None,
    key: SSlibKey | None,
) -> int:
    """Check digests, and derive selections, masks, outcomes, findings and verdict again.

    PATH is an evidence bundle, or the output directory of `gatekeeper run`. Works without torch.
    Exit code 0 if everything agrees, 12 if anything does not, 2 if there is nothing at PATH; 11 if
    something could not be derived again here, such as outcomes of a judge that asks a model, or a
    verdict on a bundle that lacks what this version records, unless it is signed with --key.

    \b
    Example:
      gatekeeper verify out/
    """
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.evidence.bundle import read_bundle
    from gatekeeper.policy.load import load_policy
    from gatekeeper.policy.waiver_files import read_waiver_file

    # Before the bundle is read: one that was named by mistake is no word against the evidence.
    policy = load_policy(policy_path, tier, earlier=True) if policy_path else None
    if waivers_path is not None:
        read_waiver_file(waivers_path)
    evidence = read_bundle(bundle_of(path))
    return tell_verified(path, evidence, evidence, policy, waivers_path, baseline_path, key)


def tell_verified(
    path: Path,
    evidence: Evidence,
    judged_on: Evidence,
    policy: Policy | None = None,
    waivers_path: Path | None = None,
    baseline_path: Path | None = None,
    key: SSlibKey | None = None,
) -> int:
    """Prints what of a bundle, and of the verdict beside it, was derived again.

    Args:
        evidence: what was read there.
        judged_on: the same, which the verdict is derived from; it may remember what it is asked.
        key: that the evidence must be signed with.

    Returns:
        The exit code.

    Raises:
        EvidenceError: something is otherwise than it says.
    """
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.verify.verify import recheck

    bundle = bundle_of(path)
    click.echo(f"✓ digests: {len(BUNDLE_FILES)} files of {bundle} are as the manifest says")
    _tell_strangers(bundle)
    rechecked = recheck(evidence)
    _tell(rechecked)
    _tell_selections(rechecked.selections)
    verdict = path / VERDICT
    judged = os.path.lexists(verdict)  # a link to nowhere too: what is there is not passed over
    waived = False
    if judged:
        derived, waived = _verify_verdict(judged_on, verdict, policy, waivers_path, baseline_path)
        click.echo(f"✓ verdict: {derived}")
    else:
        click.echo("– verdict: no verdict.json here, nothing to derive")
    if path != bundle:
        _tell_unchecked(verdict, {BUNDLE, VERDICT, POLICY, *([WAIVERS] if waived else [])})
    signed = tell_signature(bundle / MANIFEST, key)
    for what in (*rechecked.open, *rechecked.unsaid):
        if signed:
            click.echo(f"✓ {what}: not derived again, and as it was when it was signed")
        else:
            click.echo(f"? {what}: altered or not, this cannot be told without a signature")
    # An old bundle may be honest; a verdict beside it says more than can be derived today.
    open_ = not signed and (rechecked.open or (rechecked.unsaid and judged))
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


def _tell_strangers(bundle: Path) -> None:
    """Prints a line about files beside the evidence that no digest covers."""
    from gatekeeper.evidence.members import strangers

    if names := strangers(bundle, (*BUNDLE_FILES, SIGNATURE)):
        shown = ", ".join(excerpt(name) for name in names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        click.echo(f"– not of the bundle, and not checked: {shown}{more}")


def _tell_unchecked(verdict: Path, checked: set[str]) -> None:
    """Prints a line about other files: reports are views of the verdict, which nothing makes again.

    What is no file is named too.
    """
    from gatekeeper.evidence.members import strangers

    if views := strangers(verdict.parent, checked):
        names = excerpt(", ".join(views))
        click.echo(f"– reports and others: not made again, and not checked: {names}")


def _verify_verdict(
    evidence: Evidence,
    path: Path,
    named: Policy | None,
    waivers: Path | None,
    baseline_path: Path | None,
) -> tuple[str, bool]:
    """Derives the verdict on its own day and compares it word for word, number for number.

    Of one that was written before verdicts had a headline, results and numbers: its sentences were
    other ones.

    Returns:
        The headline and what was compared; whether the verdict was given with a waivers' file.

    Raises:
        EvidenceError: it is not the verdict of this evidence and policy.
    """
    from gatekeeper.commands._baseline import baseline_of
    from gatekeeper.commands._beside import policy_of
    from gatekeeper.commands._verdicts import hold_day
    from gatekeeper.policy.earlier import (
        is_earlier,
        with_earlier_warnings,
        without_sentences,
    )
    from gatekeeper.policy.evaluate import evaluate
    from gatekeeper.policy.wire import verdict_from_json, verdict_to_json
    from gatekeeper.strict_json import strict_loads
    from gatekeeper.verify.same import same_data

    try:
        raw = read_plain(path, excerpt(path), EvidenceError, _MOST_BYTES)
        stored = strict_loads(raw)
        read = verdict_from_json(stored, where=excerpt(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            "not a readable verdict",
            where=excerpt(path),
            remedy="make it again with gatekeeper check",
        ) from error
    hold_day(evidence, read.judged_on, path)
    baseline = baseline_of(read.baseline, baseline_path)
    policy = policy_of(stored, path, named, waivers)
    earlier, experts = is_earlier(stored), evidence.model.maskable_experts
    for then in (False, True):  # as `check` gives it now, or gave it when the bundle was not old
        again = evaluate(
            evidence,
            policy,
            read.judged_on,
            fail_on=read.fail_on,
            card=read.card,
            earlier=then,
            replaces=read.replaces,
            baseline=baseline,
        )
        derived = json.loads(json.dumps(verdict_to_json(again)))
        then_said = with_earlier_warnings(derived, policy.sized(experts), read.judged_on)
        same = same_data(
            *(without_sentences if earlier else _as_they_are)(stored, derived)
        ) or same_data(stored, then_said)
        if same:
            break
    _refuse_other_versions(stored, derived, str(path))
    if not same:
        _refuse_other_judge(evidence, str(path))
        key = "result" if earlier or stored["result"] != derived["result"] else "headline"
        stated, due = (excerpt(v[key]) for v in (stored, derived))
        raise EvidenceError(
            f"the verdict {stated!r} does not follow from evidence and policy, which give "
            + (f"{due!r}" if stated != due else "the same result with other details"),
            where=str(path),
            remedy="do not trust it; `gatekeeper check` gives the right one",
        )
    believed = "" if read.card is None else (
        "; the judge's card in it is believed: the labels that it counts are not here"
    )  # fmt: skip
    if not earlier:
        waived = policy.waivers_digest is not None
        sources = "evidence, policy and waivers" if waived else "evidence and policy"
        return f"{again.headline}, derived again from {sources}{believed}", waived
    return (
        f"{again.headline}, its results and numbers derived again from evidence and policy; it was "
        f"written before verdicts had a headline, so its sentences were not compared{believed}"
    ), False


def _as_they_are(
    stored: Mapping[str, Any], derived: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return stored, derived


def _refuse_other_judge(evidence: Evidence, where: str) -> None:
    """Refuses to call a verdict wrong for replies judged by a version no new verdict may rest on.

    Raises:
        EvidenceError: the judge is of another version than this Gatekeeper's.
    """
    from gatekeeper import catalog

    name, version = evidence.settings.judge, evidence.settings.judge_version
    ours = catalog.load("judge", name).version if name in catalog.names("judge") else version
    if version != ours:
        raise EvidenceError(
            f"the verdict rests on replies judged by {name} version {version}, this Gatekeeper "
            f"has version {ours}",
            where=where,
            remedy="verify it with the version that made it, or audit again",
        )


def _refuse_other_versions(
    stored: Mapping[str, Any], derived: Mapping[str, Any], where: str
) -> None:
    """Refuses a verdict by other definitions, which is neither confirmed nor called a forgery.

    Raises:
        EvidenceError: a metric is of another version than this Gatekeeper's.
    """
    then, now = (
        {(o["decisive"]["metric"], o["decisive"]["version"]) for o in data["outcomes"]}
        for data in (stored, derived)
    )
    ours = dict(now)
    for metric, version in sorted(then - now):
        if metric in ours:
            raise EvidenceError(
                f"the verdict rests on {excerpt(metric)} version {version}, this Gatekeeper has "
                f"version {ours[metric]}",
                where=where,
                remedy="verify it with the version that made it, or judge again with check",
            )
