"""Checks the suite against the bundled suite of its digest, where there is one."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import NoReturn

from gatekeeper.analysis.clusters import folded_sha256
from gatekeeper.bundled import bundled
from gatekeeper.errors import EvidenceError
from gatekeeper.records.evidence import Evidence, PromptRef
from gatekeeper.records.suite import Prompt, Suite, suite_digest
from gatekeeper.suites.read import read_suite
from gatekeeper.suites.split import VERSION, limit

_SAME = ("id", "seed_id", "set", "category", "language", "wrapper")
_NAMED = ("id", "version", "title", "licence")


def recheck_suite(evidence: Evidence) -> str | None:
    """Checks prompts that are said to be a bundled suite's against that suite.

    Whoever writes a bundle could otherwise name the digest that a policy wants, and run others.

    Returns:
        its id; None if the digest is of no suite that this installation has.

    Raises:
        EvidenceError: they are other prompts, the suite has another name, or its digest is not that
            of the files it is said to have.
    """
    named = evidence.suite
    if named.files and suite_digest(named.files) != named.digest:
        _refuse("the digest of the suite does not follow from its files")
    suite = next((s for s in _bundled() if s.digest == named.digest), None)
    if suite is None:
        return None
    if any(getattr(suite, name) != getattr(named, name) for name in _NAMED):
        _refuse("the digest of the suite is that of another")
    wanted = limit(suite.prompts, evidence.settings.max_prompts, evidence.settings.seed)
    if evidence.settings.split < VERSION and evidence.settings.max_prompts is not None:
        taken = {p.id for p in named.prompts}  # by the rule of then
        wanted = tuple(p for p in suite.prompts if p.id in taken)
    if len(wanted) != len(named.prompts) or not all(map(_same, wanted, named.prompts)):
        _refuse("the prompts are not those of the suite that the digest is of")
    return suite.id


@cache
def _bundled() -> tuple[Suite, ...]:
    places = [bundled("demo") / "suite", *sorted(bundled("suites").iterdir())]
    return tuple(read_suite(path) for path in places if path.is_dir())


def _same(prompt: Prompt, named: PromptRef) -> bool:
    return (
        all(getattr(prompt, name) == getattr(named, name) for name in _SAME)
        and named.text_sha256 == hashlib.sha256(prompt.text.encode()).hexdigest()
        and named.folded_sha256 in {None, folded_sha256(prompt.text)}
    )


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
