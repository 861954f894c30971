"""One file per metric: evidence in, `Finding` or `Missing` out. Found by `catalog.py`."""

from __future__ import annotations

from gatekeeper import catalog
from gatekeeper.analysis.intervals import CONFIDENCE
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.plugins import Metric


def measure_all(evidence: Evidence) -> tuple[Finding | Missing, ...]:
    """Every metric on every subject the evidence has data for, at 95 % confidence.

    What an audit stores, and what `check` and `verify` measure again.
    """
    findings: list[Finding | Missing] = []
    for name in catalog.names("metric"):
        metric: Metric = catalog.load("metric", name)
        findings += [
            metric.measure(evidence, subject, CONFIDENCE) for subject in metric.subjects(evidence)
        ]
    return tuple(findings)
