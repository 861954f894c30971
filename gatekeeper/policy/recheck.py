"""A bundle held against itself: what it says must follow from what it recorded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from gatekeeper import catalog
from gatekeeper.analysis.folds import views
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.wire_findings import finding_to_json
from gatekeeper.metrics import measure_all
from gatekeeper.policy.recheck_positive import recheck_positive
from gatekeeper.policy.recheck_split import recheck_split
from gatekeeper.policy.recheck_trials import (
    recheck_masks,
    recheck_outcomes,
    recheck_second,
    recheck_stops,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing

#: Another machine's logarithm or sine may differ in the last bits, and a root then too.
_TOLERANCE = 1e-6

_Key = tuple[str, tuple[tuple[str, str | float], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecked:
    """Evidence that was found to follow from its raw parts.

    Attributes:
        evidence: with the findings as this Gatekeeper measures them.
        masks: how many were held against rankings and model.
        judged: replies judged again; `unjudged`: why none were.
        second: what was done about a second judge's outcomes; None if there are none.
        compared: stored findings that were measured again and agree.
        older: metrics whose stored findings are of an older version or lack, with that version
            (0: lack); what counts is measured with the current one.
    """

    evidence: Evidence
    masks: int
    judged: int
    unjudged: str | None
    second: str | None
    compared: int
    older: Mapping[str, int]


def recheck(evidence: Evidence) -> Rechecked:
    """Derives masks, outcomes and findings again from what they follow from.

    Raises:
        EvidenceError: one does not follow, or is of a version newer than this Gatekeeper's.
    """
    masks = sum(recheck_masks(view) for view in views(evidence))
    for view in views(evidence):
        recheck_positive(view)
    recheck_split(evidence)
    recheck_stops(evidence)
    unjudged = recheck_outcomes(evidence)
    second = recheck_second(evidence)
    findings = measure_all(evidence)
    # What was not recorded then had no metric either.
    before = evidence.settings.resamples == 0
    compared, older = compare_findings(evidence.findings, findings, before=before)
    return Rechecked(
        evidence=replace(evidence, findings=findings),
        masks=masks,
        judged=0 if unjudged else len(evidence.trials),
        unjudged=unjudged,
        second=second,
        compared=compared,
        older=older,
    )


def compare_findings(
    stored: Sequence[Finding | Missing],
    current: Sequence[Finding | Missing],
    *,
    before: bool = False,
) -> tuple[int, dict[str, int]]:
    """Holds stored findings against measured ones: exactly the same set, unless of older versions.

    Args:
        before: of a bundle written before there were metrics of selections: what it has no finding
            of is younger than it. Nothing is lost by believing that, since all are measured again.

    Returns:
        How many were compared, and the metrics of an older version with that version. Where there
        are some, a metric without any stored finding is taken to be younger than the bundle: 0.

    Raises:
        EvidenceError: a finding differs, lacks, is given twice, or is of an unknown metric or of a
            newer version.
    """
    ours = {name: catalog.load("metric", name).version for name in catalog.names("metric")}
    theirs: dict[str, int] = {}
    for finding in stored:
        name, version = finding.metric, finding.version
        if version > ours.get(name, -1):
            _refuse(
                name,
                f"is of version {version}, which this Gatekeeper does not know",
                "check it with the Gatekeeper version that wrote it, or a newer one",
            )
        if theirs.setdefault(name, version) != version:
            _refuse(name, "is of two versions")
    older = {name: version for name, version in theirs.items() if version < ours[name]}
    if older or before:
        older |= {f.metric: 0 for f in current if f.metric not in theirs}
    measured = {_key(f): f for f in current if f.metric not in older}
    seen: set[_Key] = set()
    for finding in stored:
        if finding.metric in older:
            continue
        key = _key(finding)
        if key in seen:
            _refuse(finding.metric, "is given twice for one subject")
        if key not in measured or not _equal(finding, measured[key]):
            _refuse(finding.metric, "does not follow from the trials")
        seen.add(key)
    for metric, _ in sorted(measured.keys() - seen):
        _refuse(metric, "is missing for a subject that was measured")
    return len(seen), older


def _refuse(metric: str, what: str, remedy: str | None = None) -> NoReturn:
    raise EvidenceError(
        f"the stored finding {excerpt(metric)} {what}",
        where="evidence.json",
        remedy=remedy or "do not trust this bundle; get it again from where the audit wrote it",
    )


def same_data(stored: object, derived: object) -> bool:
    """Whether two pieces of JSON say the same: numbers to the last few bits, all else exactly."""
    if isinstance(stored, dict) and isinstance(derived, dict):
        return stored.keys() == derived.keys() and all(
            same_data(value, derived[key]) for key, value in stored.items()
        )
    if isinstance(stored, list) and isinstance(derived, list):
        pairs = zip(stored, derived, strict=False)
        return len(stored) == len(derived) and all(same_data(x, y) for x, y in pairs)
    if isinstance(stored, float) or isinstance(derived, float):
        numbers = (stored, derived)
        if any(isinstance(x, bool) or not isinstance(x, int | float) for x in numbers):
            return False
        return math.isclose(stored, derived, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)  # type: ignore[arg-type]
    return type(stored) is type(derived) and stored == derived


def _key(finding: Finding | Missing) -> _Key:
    return finding.metric, finding.subject.items()


def _equal(a: Finding | Missing, b: Finding | Missing) -> bool:
    if isinstance(a, Finding) and isinstance(b, Finding) and a.mask is None and a.split is None:
        b = replace(b, mask=None, split=None)  # written before findings named them
    # Through JSON, so that a number is the same number however it was written.
    stored, derived = (json.loads(json.dumps(finding_to_json(f))) for f in (a, b))
    return same_data(stored, derived)
