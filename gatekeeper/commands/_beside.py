"""The policy and the waivers of a stored verdict: those beside it, unless others are named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.waiver_files import with_waivers
from gatekeeper.records.bundle_files import POLICY, WAIVERS
from gatekeeper.records.policy import Policy


def policy_of(
    stored: Mapping[str, Any], verdict: Path, policy: Policy | None, waivers: Path | None
) -> Policy:
    """What a verdict says it was given under: policy and waivers of its digests.

    Args:
        stored: the verdict's data.
        verdict: the file it was read from.
        policy, waivers: those that were named instead of the ones beside it.

    Raises:
        EvidenceError: they are missing, unreadable or others. Nobody has typed their names.
        UsageError: waivers that were named cannot be read, or the verdict was given without any.
    """
    policy = policy or _policy_beside(verdict)
    if policy.digest != stored.get("policy", {}).get("digest", policy.digest):
        raise EvidenceError(
            "the policy is not the one of the verdict",
            where=excerpt(policy.source),
            remedy="name the one that was used with --policy; what another one says, `gatekeeper "
            "check` tells",
        )
    digest = stored.get("waivers", {}).get("digest")
    if digest is None:
        if waivers is not None:
            raise UsageError(
                "the verdict was given without a file of waivers",
                where=excerpt(waivers),
                remedy="leave --waivers out; what they would change, `gatekeeper check` tells",
            )
        return policy
    path = waivers or verdict.with_name(WAIVERS)
    waived = with_waivers(policy, path) if waivers else _with_waivers_beside(policy, path)
    if waived.waivers_digest != digest:
        raise EvidenceError(
            "the waivers are not those of the verdict",
            where=excerpt(path),
            remedy="name those that were used with --waivers",
        )
    return waived


def _policy_beside(verdict: Path) -> Policy:
    """The policy that `run` put beside its verdict."""
    path = verdict.with_name(POLICY)
    if not path.is_file():
        raise EvidenceError(
            "the policy of the verdict is missing",
            where=excerpt(path),
            remedy="name it with --policy",
        )
    try:
        return load_policy(path, earlier=True)
    except UsageError as error:
        raise EvidenceError(
            f"the policy of the verdict cannot be read: {error.message}",
            where=error.where,
            remedy="name the one that was used with --policy",
        ) from error


def _with_waivers_beside(policy: Policy, path: Path) -> Policy:
    """The policy with the waivers that `run` put beside its verdict."""
    if not path.is_file():
        raise EvidenceError(
            "the waivers of the verdict are missing",
            where=excerpt(path),
            remedy="name their file with --waivers",
        )
    try:
        return with_waivers(policy, path)
    except UsageError as error:
        raise EvidenceError(
            f"the waivers of the verdict cannot be read: {error.message}",
            where=error.where,
            remedy="name those that were used with --waivers",
        ) from error
