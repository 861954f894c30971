"""Findings to and from JSON; used by evidence, verdicts and reports alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.records.finding import Finding, Interval, Missing, Subject


def finding_to_json(finding: Finding | Missing) -> dict[str, Any]:
    """A finding, or what is missing and why."""
    head: dict[str, Any] = {
        "metric": finding.metric,
        "version": finding.version,
        "subject": dict(finding.subject.items()),
    }
    if isinstance(finding, Missing):
        return {**head, "missing": finding.reason}
    return {
        **head,
        "value": finding.value,
        "unit": finding.unit,
        "interval": {
            "low": finding.interval.low,
            "high": finding.interval.high,
            "confidence": finding.interval.confidence,
            "method": finding.interval.method,
        },
        "n": finding.n,
        "clusters": finding.clusters,
        "counts": dict(finding.counts),
        "p_value": finding.p_value,
        "p_method": finding.p_method,
    }


def finding_from_json(data: Mapping[str, Any]) -> Finding | Missing:
    """The record of `finding_to_json`; canonical JSON writes 10.0 as 10, so kinds are restored."""
    subject = Subject(**data["subject"])
    if "missing" in data:
        return Missing(
            metric=data["metric"],
            version=int(data["version"]),
            subject=subject,
            reason=data["missing"],
        )
    interval, p_value = data["interval"], data["p_value"]
    return Finding(
        metric=data["metric"],
        version=int(data["version"]),
        subject=subject,
        value=float(data["value"]),
        unit=data["unit"],
        interval=Interval(
            low=float(interval["low"]),
            high=float(interval["high"]),
            confidence=float(interval["confidence"]),
            method=interval["method"],
        ),
        n=int(data["n"]),
        clusters=int(data["clusters"]),
        counts=dict(data["counts"]),
        p_value=None if p_value is None else float(p_value),
        p_method=data["p_method"],
    )
