"""One file per metric: evidence in, `Finding` or `Missing` out. Found by `catalog.py`."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper import catalog
from gatekeeper.analysis.intervals import CONFIDENCE
from gatekeeper.analysis.outcomes import selected_mask
from gatekeeper.analysis.parts import part_of
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.trial import MODE, UNMASKED


def measure_all(evidence: Evidence) -> tuple[Finding | Missing, ...]:
    """Every metric on every subject the evidence has data for, at 95 % confidence.

    What an audit stores, and what `check` and `verify` measure again.
    """
    findings: list[Finding | Missing] = []
    for name in catalog.names("metric"):
        metric: Metric = catalog.load("metric", name)
        findings += [
            measured(metric, evidence, subject, CONFIDENCE) for subject in metric.subjects(evidence)
        ]
    return tuple(findings)


def with_findings(evidence: Evidence) -> Evidence:
    """The evidence with the findings of every metric, and with the versions of the metrics."""
    versions = {name: catalog.load("metric", name).version for name in catalog.names("metric")}
    settings = replace(evidence.settings, metrics=versions)
    return replace(evidence, settings=settings, findings=measure_all(evidence))


def measured(
    metric: Metric, evidence: Evidence, subject: Subject, confidence: float
) -> Finding | Missing:
    """Measures a metric, and names in the finding the mask and the split that it is about.

    On the prompts of one category or language alone, if the subject names one.
    """
    part = part_of(evidence, subject)
    if isinstance(part, str):
        return Missing(metric=metric.id, version=metric.version, subject=subject, reason=part)
    finding = metric.measure(part, subject, confidence)
    if isinstance(finding, Missing):
        return finding
    mask = finding.mask or _mask_of(metric, evidence, finding.subject)
    return replace(finding, mask=mask, split=metric.split)


def _mask_of(metric: Metric, evidence: Evidence, subject: Subject) -> str | None:
    if subject.selector is not None and subject.k is not None:
        mask = selected_mask(evidence, subject.selector, subject.k, subject.mode or MODE)
        return None if mask is None else mask.label
    if metric.split == "measurement" and subject.mask == "none":
        return UNMASKED.name
    return None
