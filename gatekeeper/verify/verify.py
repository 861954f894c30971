"""Checks a bundle against itself: what it says must follow from what it recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from gatekeeper import catalog
from gatekeeper.analysis.folds import views
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.wire_findings import finding_to_json
from gatekeeper.metrics import measure_all
from gatekeeper.records.bundle_files import EVIDENCE
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.verify.made import left_out_with_reason, random_masks_open, recheck_made
from gatekeeper.verify.masks import recheck_masks
from gatekeeper.verify.numbers import recheck_numbers
from gatekeeper.verify.positive_control import recheck_positive
from gatekeeper.verify.recorded import recheck_recorded, unrecorded
from gatekeeper.verify.same import same_data
from gatekeeper.verify.selections import Derived, recheck_selections
from gatekeeper.verify.split import recheck_split
from gatekeeper.verify.suite import recheck_suite
from gatekeeper.verify.trials import (
    outcomes_open,
    recheck_outcomes,
    recheck_second,
    recheck_stops,
)

_Key = tuple[str, tuple[tuple[str, str | float], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecked:
    """Evidence that was found to follow from its raw parts.

    Attributes:
        evidence: with the findings as this Gatekeeper measures them.
        masks: how many were held against rankings and model.
        judged: replies judged again; `unjudged`: why none were.
        second: what was done about a second judge's outcomes; None if there are none.
        split: whether the prompts were split again; not those of bundles that lack what it takes.
        suite: the bundled suite whose prompts they were found to be, if it says it is one.
        selections: which were made again from the profile.
        left_out: what was asked for and not made, with the reason that the bundle gives.
        open: what could be altered without a trace: nothing here derives it again.
        unsaid: what a bundle of an older version does not say either, or one that claims to be of
            one. No verdict of today rests on such a bundle.
        compared: stored findings that were measured again and agree.
        older: metrics whose stored findings are of an older version, with that version; 0 for
            those that are younger than the bundle. What counts is measured with the current one.
    """

    evidence: Evidence
    masks: int
    judged: int
    unjudged: str | None
    second: str | None
    split: bool
    suite: str | None
    selections: Derived
    left_out: tuple[str, ...]
    open: tuple[str, ...]
    unsaid: tuple[str, ...]
    compared: int
    older: Mapping[str, int]

    @property
    def told_older(self) -> str:
        """The metrics of `older`, in words; empty if there are none."""
        past = ", ".join(sorted(name for name, version in self.older.items() if version))
        since = ", ".join(sorted(name for name, version in self.older.items() if not version))
        parts = [f"of an older version: {past}"] * bool(past)
        parts += [f"younger than this bundle: {since}"] * bool(since)
        return "; ".join(parts)


def recheck(evidence: Evidence) -> Rechecked:
    """Derives masks, outcomes, findings and selections again from what they follow from.

    Raises:
        EvidenceError: one does not follow, or is of a version newer than this Gatekeeper's.
    """
    masks = sum(recheck_masks(view) for view in views(evidence))
    recheck_positive(evidence)
    recheck_recorded(evidence)
    lacking = ", ".join(unrecorded(evidence))
    lacks = (f"written by an older version, or left out: {lacking}",) if lacking else ()
    split = recheck_split(evidence)
    suite = recheck_suite(evidence)
    recheck_stops(evidence)
    recheck_made(evidence)
    recheck_numbers(evidence)
    unjudged = recheck_outcomes(evidence)
    second = recheck_second(evidence)
    findings = measure_all(evidence)
    compared, older = compare_findings(evidence.findings, findings, evidence.settings.metrics)
    selections = recheck_selections(evidence)
    return Rechecked(
        evidence=replace(evidence, findings=findings),
        masks=masks,
        judged=0 if unjudged else len(evidence.trials),
        unjudged=unjudged,
        second=second,
        split=split,
        suite=suite,
        selections=selections,
        open=(*outcomes_open(evidence), *random_masks_open(evidence), *selections.open),
        left_out=left_out_with_reason(evidence),
        unsaid=(*selections.older, *lacks),
        compared=compared,
        older=older,
    )


def compare_findings(
    stored: Sequence[Finding | Missing],
    current: Sequence[Finding | Missing],
    named: Mapping[str, int],
) -> tuple[int, dict[str, int]]:
    """Compares stored findings with measured ones: exactly the same set, unless of older versions.

    A metric that is not among those the evidence names is younger than it. Where none are named, in
    bundles written before they were, it is one without any stored finding. Nothing is lost by
    believing that, since all are measured again from the trials, and what is said counts.

    Args:
        named: id -> version of the metrics that the evidence says it was measured with.

    Returns:
        How many were compared, and the metrics of an older version with that version; 0 of those
        that are younger.

    Raises:
        EvidenceError: a finding differs, lacks, is given twice, or is of an unknown metric, of a
            newer version, or of none that the evidence names.
    """
    ours = {name: catalog.load("metric", name).version for name in catalog.names("metric")}
    theirs = _versions(stored, named, ours)
    older = {name: version for name, version in theirs.items() if version < ours[name]}
    if theirs:  # findings of nothing at all are none
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


def _versions(
    stored: Sequence[Finding | Missing], named: Mapping[str, int], ours: Mapping[str, int]
) -> dict[str, int]:
    """The version of each metric with which the findings were measured.

    Raises:
        EvidenceError: of one that is not known here, or not the one that is named; or of two.
    """
    theirs = dict(named)
    for name, version in (*named.items(), *((f.metric, f.version) for f in stored)):
        if version > ours.get(name, -1):
            _refuse(
                name,
                f"is of version {version}, which this Gatekeeper does not know",
                "check it with the Gatekeeper version that wrote it, or a newer one",
            )
        if named and name not in named:
            _refuse(name, "is of no metric that the evidence was measured with")
        if theirs.setdefault(name, version) != version:
            _refuse(name, "is of two versions")
    return theirs


def _refuse(metric: str, what: str, remedy: str | None = None) -> NoReturn:
    raise EvidenceError(
        f"the stored finding {excerpt(metric)} {what}",
        where=EVIDENCE,
        remedy=remedy or "do not trust this bundle; get it again from where the audit wrote it",
    )


def _key(finding: Finding | Missing) -> _Key:
    return finding.metric, finding.subject.items()


def _equal(a: Finding | Missing, b: Finding | Missing) -> bool:
    if isinstance(a, Finding) and isinstance(b, Finding) and a.mask is None and a.split is None:
        b = replace(b, mask=None, split=None)  # written before findings named them
    # Through JSON, so that a number is the same number however it was written.
    stored, derived = (json.loads(json.dumps(finding_to_json(f))) for f in (a, b))
    return same_data(stored, derived)
