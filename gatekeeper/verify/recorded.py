"""Checks that all this version always writes is there, so that no check is off for lack of it.

Older versions wrote less. A bundle of theirs cannot be told from one of which as much was left out,
so what it lacks is named, and nothing is confirmed of it.
"""

from __future__ import annotations

from typing import NoReturn

from gatekeeper import catalog
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.records.evidence import FIRST_CHECKS, NOT_ASKED, REQUIRED_CHECKS, Evidence
from gatekeeper.suites.split import VERSION
from gatekeeper.verify.masks import lacks_causes


def recheck_recorded(evidence: Evidence) -> None:
    """Checks that nothing on which other checks rest is left out, and what is written twice.

    Raises:
        EvidenceError: something is.
    """
    _self_test(evidence)
    settings = evidence.settings
    template = evidence.checkpoint.template_sha256 or settings.chat_template_sha256
    if template != settings.chat_template_sha256:
        _refuse("the chat template is not that of the checkpoint's files")
    if settings.split > 1 and any(
        p.folded_sha256 is None for p in evidence.suite.prompts if p.skipped is None
    ):
        _refuse("a prompt lacks the digest of its levelled text, which the split rests on")
    if settings.metrics and evidence.profile is not None and settings.resamples == 0:
        _refuse("the number of resamples is left out, which the selections rest on")
    _check_asked("the positive control is", settings.positive_control, evidence.positive_control)
    _check_asked("the roles of experts are", settings.roles, evidence.roles)
    _selectors(evidence)


def unrecorded(evidence: Evidence) -> tuple[str, ...]:
    """Parts that every audit of this version records and this bundle lacks, in words.

    Nothing where there is no profile: no bundle is without, so that this was not read from one.
    """
    if evidence.profile is None:
        return ()
    settings, suite = evidence.settings, evidence.suite
    checks = {check.name for check in evidence.self_test}
    lacks = {
        "which metrics it was measured with": not settings.metrics,
        "how often selectors resampled": settings.resamples == 0,
        "outcomes of the present version of its judges": _judged_by_older(evidence),
        "how replies were told from reasoning": settings.reasoning is None,
        "a split by the present rule": settings.split < VERSION,
        "digests of levelled texts": any(
            p.folded_sha256 is None for p in suite.prompts if p.skipped is None
        ),
        "the files of the suite": not suite.files,
        "checks of the self-test": bool(REQUIRED_CHECKS - checks),
        "the positive control": evidence.positive_control is None,
        "the roles of experts": evidence.roles is None,
        "cautions about the checkpoint": evidence.cautions is None,
        "the masks of experts by the cause of their role": lacks_causes(evidence),
    }
    return tuple(what for what, lacking in lacks.items() if lacking)


def _judged_by_older(evidence: Evidence) -> bool:
    """Whether a judge, the first or the second, is known here in a newer version."""
    settings = evidence.settings
    judges = [(settings.judge, settings.judge_version)]
    judges += [(settings.second.judge, settings.second.version)] if settings.second else []
    known = set(catalog.names("judge"))
    return any(
        name in known and version < catalog.load("judge", name).version for name, version in judges
    )


def _self_test(evidence: Evidence) -> None:
    """Checks for every check that an audit makes, each once; none failed but of shortcuts."""
    names = [check.name for check in evidence.self_test]
    wanted = REQUIRED_CHECKS if evidence.settings.metrics else FIRST_CHECKS
    if len(set(names)) < len(names):
        _refuse("a check of the self-test is there twice")
    if missing := sorted(wanted - set(names)):
        _refuse(f"the self-test lacks {excerpt(', '.join(missing))}")

    failed = sorted(check.name for check in evidence.self_test if check.result == "failed")
    if failed:
        _refuse(f"checks of the self-test failed: {excerpt(', '.join(failed))}")


def _check_asked(what: str, wanted: bool, part: object) -> None:
    """Checks that a part, or why there is none, is there if and only if it was asked for."""
    if wanted and part is None:
        _refuse(f"{what} left out")
    if part is not None and wanted == (part == NOT_ASKED):
        _refuse(f"{what} asked for by the settings or by the evidence, not by both")


def _selectors(evidence: Evidence) -> None:
    """Checks that every selector of the settings ranked, in one version, or was skipped."""
    named = {s.selector for s in evidence.selections} | evidence.skipped_selectors.keys()
    for name in sorted(named ^ set(evidence.settings.selectors)):
        why = "neither ranked nor was skipped" if name not in named else "is not in the settings"
        _refuse(f"the selector {excerpt(name)} {why}")
    versions = {s.selector: s.version for s in evidence.selections}
    for s in evidence.selections:
        if s.version != versions[s.selector]:
            _refuse(f"the selector {excerpt(s.selector)} is of two versions")


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
