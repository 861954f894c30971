"""The last release: what lies beside its evidence, and the file of a comparison with it.

A report is made again from its bundle. The baseline need not be there then, so what was compared is
kept beside the verdict; whoever names the baseline has it derived again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import rfc8785

from gatekeeper.commands._baseline import baseline_evidence
from gatekeeper.commands._beside import policy_of
from gatekeeper.commands._verdicts import bundle_of
from gatekeeper.errors import EvidenceError, GatekeeperError, excerpt
from gatekeeper.evidence.manifest import sha256
from gatekeeper.evidence.outputs import Outputs
from gatekeeper.plain_files import read_plain
from gatekeeper.policy.compared import compare_release
from gatekeeper.policy.wire import verdict_from_json
from gatekeeper.records.bundle_files import BUNDLE, COMPARED, POLICY, VERDICT
from gatekeeper.records.compared import Compared
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.plain import from_plain, to_plain
from gatekeeper.report.tool import tool
from gatekeeper.strict_json import strict_loads
from gatekeeper.verify.same import same_data

#: Of a verdict or a comparison.
_MOST_BYTES = 64 << 20
SCHEMA = "gatekeeper/comparison/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The last release; verdict and policy where they lie beside its evidence."""

    evidence: Evidence
    verdict: Verdict | None = None
    policy: Policy | None = None


def release_of(path: Path | None) -> Release | None:
    """The last release in a bundle, or in the output of `gatekeeper run`.

    A verdict or policy that cannot be read, or is of other evidence, counts as none, and is told.

    Raises:
        EvidenceError: the evidence was altered, or cannot be read.
    """
    evidence = baseline_evidence(path)
    if path is None or evidence is None:
        return None
    bundle = bundle_of(path)
    file = (bundle.parent if bundle.name == BUNDLE else bundle) / VERDICT
    if not file.is_file():
        return Release(evidence=evidence)
    try:
        stored = strict_loads(read_plain(file, excerpt(file), EvidenceError, _MOST_BYTES))
        verdict = verdict_from_json(stored, where=excerpt(file))
        if verdict.evidence_digest != evidence.digest:
            raise EvidenceError("of other evidence", where=excerpt(file))
        policy = None
        if file.with_name(POLICY).is_file():
            policy = policy_of(stored, file, None, None)
    except (OSError, ValueError, KeyError, TypeError, GatekeeperError) as error:
        told = error.message if isinstance(error, GatekeeperError) else "not readable"
        click.echo(
            f"gatekeeper: warning: {excerpt(file)}: the baseline's verdict and policy are left "
            f"out of the comparison: {told}",
            err=True,
        )
        return Release(evidence=evidence)
    return Release(evidence=evidence, verdict=verdict, policy=policy)


def compared_with(
    evidence: Evidence, verdict: Verdict, policy: Policy, release: Release | None
) -> Compared | None:
    """An audit beside the last release, if there is one."""
    if release is None:
        return None
    return compare_release(
        evidence, verdict, policy, release.evidence, release.verdict, release.policy
    )


def compared_bytes(compared: Compared, evidence: Evidence) -> bytes:
    """The file of a comparison; equal input gives equal bytes."""
    data = {
        "schema": SCHEMA,
        "tool": tool(),
        "evidence": evidence.digest,
        "compared": to_plain(compared),
    }
    return rfc8785.dumps(data) + b"\n"


def as_read(compared: Compared | None, evidence: Evidence) -> Compared | None:
    """A comparison as its file gives it back, so that a report made from either is the same."""
    if compared is None:
        return None
    return _read(compared_bytes(compared, evidence), evidence, COMPARED)[0]


def _read(data: bytes, evidence: Evidence, where: str) -> tuple[Compared, str]:
    """A comparison, and what made it."""
    try:
        told = strict_loads(data)
        if told["schema"] != SCHEMA or told["evidence"] != evidence.digest:
            raise EvidenceError("not a comparison of this evidence", where=where)
        return from_plain(Compared, told["compared"]), str(told["tool"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError("not a readable comparison", where=where) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptComparison:
    """What a comparison's file says, with its digest and what made it."""

    compared: Compared
    digest: str
    made_by: str


def kept_comparison(
    folder: Path, outputs: Outputs | None, evidence: Evidence
) -> KeptComparison | None:
    """The comparison that lies in a folder and its statement names; None if there is none.

    Raises:
        EvidenceError: it is none of this evidence.
    """
    if outputs is None or COMPARED not in outputs.files:
        return None
    path = folder / COMPARED
    try:
        data = read_plain(path, excerpt(path), EvidenceError, _MOST_BYTES)
    except OSError:
        return None
    compared, made_by = _read(data, evidence, excerpt(path))
    return KeptComparison(compared=compared, digest=sha256(data), made_by=made_by)


def hold_comparison(
    kept: KeptComparison,
    evidence: Evidence,
    verdict: Verdict,
    policy: Policy,
    release: Release | None,
) -> Iterator[str]:
    """Derives a comparison again, if its baseline was named.

    Yields:
        What could not be derived, in words.

    Raises:
        EvidenceError: it comes out otherwise, or of another baseline.
    """
    named = excerpt(kept.compared.evidence)
    if release is None:
        yield f"{COMPARED}: not derived again without the evidence {named} (--baseline)"
        return
    if release.evidence.digest != kept.compared.evidence:
        raise EvidenceError(
            "not the baseline of the comparison",
            where="--baseline",
            remedy=f"name the evidence {named}",
        )
    if kept.made_by != tool():
        yield f"{COMPARED}: not derived again: made by {excerpt(kept.made_by)}, this is {tool()}"
        return
    again = compared_with(evidence, verdict, policy, release)
    told, due = (json.loads(json.dumps(to_plain(one))) for one in (kept.compared, again))
    if not same_data(told, due):
        raise EvidenceError(
            "not the comparison that both audits give",
            where=COMPARED,
            remedy="do not trust it; make it again with gatekeeper report --baseline",
        )
    click.echo(f"✓ {COMPARED}: derived again from both audits")


def without_experts(compared: Compared | None) -> Compared | None:
    """A comparison that says nothing of experts, not even how many are the same."""
    return None if compared is None else replace(compared, shared=())
