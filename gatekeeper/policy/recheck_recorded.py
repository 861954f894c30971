"""What this version always writes must be there: a check is not switched off by leaving it out."""

from __future__ import annotations

from typing import NoReturn

from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.records.evidence import FIRST_CHECKS, REQUIRED_CHECKS, Evidence


def recheck_recorded(evidence: Evidence) -> None:
    """Holds that nothing is left out on which other checks rest.

    Raises:
        EvidenceError: something is.
    """
    _self_test(evidence)
    settings = evidence.settings
    if settings.split > 1 and any(
        p.folded_sha256 is None for p in evidence.suite.prompts if p.skipped is None
    ):
        _refuse("a prompt lacks the digest of its levelled text, which the split rests on")
    if settings.metrics and evidence.profile is not None and settings.resamples == 0:
        _refuse("the number of resamples is left out, which the selections rest on")
    if settings.positive_control and evidence.positive_control is None:
        _refuse("the positive control is left out")
    if settings.roles and evidence.roles is None:
        _refuse("the roles of experts are left out")


def _self_test(evidence: Evidence) -> None:
    """Every check that an audit always makes, each once, and none of them failed."""
    names = [check.name for check in evidence.self_test]
    wanted = REQUIRED_CHECKS if evidence.settings.metrics else FIRST_CHECKS
    if len(set(names)) < len(names):
        _refuse("a check of the self-test is there twice")
    if missing := sorted(wanted - set(names)):
        _refuse(f"the self-test lacks {excerpt(', '.join(missing))}")


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
