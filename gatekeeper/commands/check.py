"""`gatekeeper check`: evidence and a policy to a verdict."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._audit_log import audit_log_option, note_verdict
from gatekeeper.commands._baseline import baseline_option
from gatekeeper.commands._cards import card_option
from gatekeeper.commands._fail_on import fail_on_option
from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._option_kinds import nonce as nonce_option
from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._signing import sign_key_option, sign_outputs
from gatekeeper.commands._tier import tier_option
from gatekeeper.commands._waivers import load_with_waivers, waivers_option
from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.records.bundle_files import BUNDLE

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

    from gatekeeper.records.policy import Policy

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@click.command("check")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--policy", "policy_path", type=PolicyFile(), required=True, help="YAML policy.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the verdict as JSON to this file."
)
@tier_option
@fail_on_option
@click.option(
    "--checkpoint-digest",
    help="sha256:… of the checkpoint to be released; evidence of another one exits with 12.",
)
@click.option(
    "--nonce",
    callback=nonce_option,
    help="The word that the owner of the risk drew; evidence made with another one, or without, "
    "exits with 12.",
)
@click.option(
    "--policy-digest",
    help="sha256:… of the policy that was approved; another one exits with 2.",
)
@card_option
@baseline_option
@waivers_option
@audit_log_option
@sign_key_option
@uncollected()
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    evidence: Path,
    policy_path: Path,
    out: Path | None,
    tier: str | None,
    fail_on: str,
    checkpoint_digest: str | None,
    nonce: str | None,
    policy_digest: str | None,
    card_path: Path | None,
    baseline_path: Path | None,
    waivers_path: Path | None,
    audit_log: Path | None,
    signer: CryptoSigner | None,
) -> int:
    """Hold stored evidence against a policy and give the verdict.

    Works without torch. EVIDENCE is a bundle directory, or the output of `gatekeeper run`. A
    verdict is about the checkpoint of the evidence: --checkpoint-digest makes sure that it is the
    one to be released (`gatekeeper inspect --digest` prints it). --policy-digest makes sure that
    the policy is the one that was approved.

    \b
    Example:
      gatekeeper check out/evidence --policy policies/strict.yaml
      gatekeeper check out/evidence --policy policies/strict.yaml --waivers waivers.yaml
    """
    from gatekeeper.commands._baseline import baseline_evidence
    from gatekeeper.commands._cards import card_for
    from gatekeeper.commands._outputs import record_outputs
    from gatekeeper.commands._verdicts import (
        bundle_of,
        exit_code,
        hold_day,
        replaced_policy,
        show,
        tell_older,
        tell_open,
        verdict_bytes,
    )
    from gatekeeper.evidence.bundle import check_writable, read_bundle, write_bytes
    from gatekeeper.policy.evaluate import evaluate
    from gatekeeper.verify.verify import recheck

    if checkpoint_digest is not None and not _DIGEST.fullmatch(checkpoint_digest):
        raise UsageError(
            f"{excerpt(checkpoint_digest)!r} is no digest of a checkpoint",
            where="--checkpoint-digest",
            remedy="give sha256: and 64 hexadecimal digits, as gatekeeper inspect --digest prints",
        )
    if out is not None:
        check_writable(out)
    policy = load_with_waivers(policy_path, waivers_path, tier)
    _hold_policy(policy, policy_digest)
    bundle = bundle_of(evidence)
    rechecked = recheck(read_bundle(bundle))
    tell_older(rechecked)
    tell_open(rechecked)
    read = rechecked.evidence
    if checkpoint_digest is not None and read.checkpoint.digest != checkpoint_digest:
        raise EvidenceError(
            f"evidence of another checkpoint, {read.checkpoint.digest}",
            where=excerpt(evidence),
            remedy=f"audit the checkpoint {checkpoint_digest}",
        )
    if nonce is not None and read.settings.nonce != nonce:
        raise EvidenceError(
            "made with another nonce, or without one",
            where=excerpt(evidence),
            remedy="audit again with --nonce and the word that was drawn",
        )
    card = card_for(card_path, read)
    today = datetime.now(UTC).date()
    hold_day(read, today, evidence)
    verdict = evaluate(
        read,
        policy,
        today,
        fail_on=fail_on,
        card=None if card is None else card.card,
        replaces=replaced_policy(policy, *_verdicts_beside(evidence, out)),
        baseline=baseline_evidence(baseline_path),
    )
    if out is not None:
        data = verdict_bytes(verdict)
        write_bytes(out, data)
        record_outputs(out.parent, bundle_of(evidence), read, {out.name: data})
    show(read, verdict, policy, card)
    sign_outputs(evidence, read, signer, policy, baseline_path)
    note_verdict(audit_log, "check", verdict)
    return exit_code(verdict)


def _hold_policy(policy: Policy, digest: str | None) -> None:
    """Refuses a policy that is not the one that was approved.

    Raises:
        UsageError: the digest is none, or another policy's.
    """
    if digest is None:
        return
    if not _DIGEST.fullmatch(digest):
        raise UsageError(
            f"{excerpt(digest)!r} is no digest of a policy",
            where="--policy-digest",
            remedy=f"give sha256: and 64 hexadecimal digits; this policy has {policy.digest}",
        )
    if digest != policy.digest:
        raise UsageError(
            f"the policy has the digest {policy.digest}, approved was {digest}",
            where=excerpt(policy.source),
            remedy="give the policy that was approved, or have this one approved",
        )


def _verdicts_beside(evidence: Path, out: Path | None) -> list[Path]:
    """Where a verdict on the same evidence may stand: beside a bundle, and where one is to go."""
    places = [evidence, evidence.parent] if evidence.name == BUNDLE else [evidence]
    return [*([] if out is None else [out]), *places]
