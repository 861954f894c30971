"""`gatekeeper check`: evidence and a policy to a verdict."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import click

from gatekeeper.commands._cards import card_option
from gatekeeper.commands._fail_on import fail_on_option
from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._option_kinds import nonce as nonce_option
from gatekeeper.commands._tier import tier_option
from gatekeeper.commands._waivers import load_with_waivers, waivers_option
from gatekeeper.errors import EvidenceError, UsageError, excerpt

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@click.command("check")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path), required=True, help="YAML policy."
)
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
@card_option
@waivers_option
@uncollected()
def COMMAND(  # noqa: N802 - the one constant every command file exposes
    evidence: Path,
    policy_path: Path,
    out: Path | None,
    tier: str | None,
    fail_on: str,
    checkpoint_digest: str | None,
    nonce: str | None,
    card_path: Path | None,
    waivers_path: Path | None,
) -> int:
    """Hold stored evidence against a policy and give the verdict.

    Works without torch. EVIDENCE is a bundle directory, or the output of `gatekeeper run`. A
    verdict is about the checkpoint of the evidence: --checkpoint-digest makes sure that it is the
    one to be released (`gatekeeper inspect --digest` prints it).

    \b
    Example:
      gatekeeper check out/evidence --policy policies/strict.yaml
      gatekeeper check out/evidence --policy policies/strict.yaml --waivers waivers.yaml
    """
    from gatekeeper.commands._cards import card_for
    from gatekeeper.commands._verdicts import (
        bundle_of,
        exit_code,
        hold_day,
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
    rechecked = recheck(read_bundle(bundle_of(evidence)))
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
    )
    if out is not None:
        write_bytes(out, verdict_bytes(verdict))
    show(read, verdict, policy, card)
    return exit_code(verdict)
