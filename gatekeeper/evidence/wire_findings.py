"""Findings to and from JSON; used by evidence, verdicts and reports alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.verdict import Resolution


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
        "interval": interval_to_json(finding.interval),
        "n": finding.n,
        "clusters": finding.clusters,
        "counts": dict(finding.counts),
        "p_value": finding.p_value,
        "p_method": finding.p_method,
        **({} if finding.mask is None else {"mask": finding.mask}),
        **({} if finding.split is None else {"split": finding.split}),
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
    p_value = data["p_value"]
    return Finding(
        metric=data["metric"],
        version=int(data["version"]),
        subject=subject,
        value=float(data["value"]),
        unit=data["unit"],
        interval=interval_from_json(data["interval"]),
        n=int(data["n"]),
        clusters=int(data["clusters"]),
        counts=dict(data["counts"]),
        p_value=None if p_value is None else float(p_value),
        p_method=data["p_method"],
        mask=data.get("mask"),
        split=data.get("split"),
    )


def interval_to_json(interval: Interval) -> dict[str, Any]:
    """An interval."""
    return {
        "low": interval.low,
        "high": interval.high,
        "confidence": interval.confidence,
        "method": interval.method,
    }


def interval_from_json(data: Mapping[str, Any]) -> Interval:
    """The record of one."""
    return Interval(
        low=float(data["low"]),
        high=float(data["high"]),
        confidence=float(data["confidence"]),
        method=data["method"],
    )


def resolution_to_json(resolution: Resolution | None) -> dict[str, float | None] | None:
    """What the audit could tell, as plain data."""
    if resolution is None:
        return None
    return {"fails_from": resolution.fails_from, "passes_to": resolution.passes_to}
