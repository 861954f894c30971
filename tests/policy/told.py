"""A metric that answers what a test tells it, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

from gatekeeper import catalog
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.verdict import Verdict

from .builders import EVIDENCE, TODAY, make_policy, make_rule

#: (value, half-width at 95 %); half-widths at other levels follow the normal distribution.
Told = tuple[float, float]


def told_metric(told: Mapping[Any, Told] | Mapping[Any, Told | Missing], n: int = 100) -> Metric:
    """A metric that says what it is told, per selector, in points."""
    from scipy import stats

    def measure(_evidence: Evidence, subject: Subject, confidence: float) -> Finding | Missing:
        found = told[subject.selector]
        if isinstance(found, Missing):
            return found
        value, half = found
        half *= float(stats.norm.ppf(0.5 + confidence / 2) / stats.norm.ppf(0.975))
        return Finding(
            metric="told",
            version=1,
            subject=subject,
            value=value,
            unit="points",
            interval=Interval(
                low=value - half, high=value + half, confidence=confidence, method="told"
            ),
            n=n,
            clusters=n,
            counts={"lost": value},
        )

    return Metric(
        id="told",
        version=1,
        title="Told",
        unit="points",
        higher_is_worse=True,
        parameters=("k", "selector"),
        required=("k",),
        sentence="what the {k} experts ranked highest by {selector} cost",
        subjects=lambda _evidence: (),
        measure=measure,
    )


def use_metric(metric: Metric) -> Any:
    """Context in which the catalog gives `metric` for every metric id."""
    real = catalog.load

    def load(kind: str, name: str, *, where: str | None = None) -> Any:
        return metric if kind == "metric" else real(kind, name, where=where)

    return mock.patch.object(catalog, "load", load)


def told(
    values: Mapping[str, Told | Missing], limit: float | None = 10.0, **changes: Any
) -> Verdict:
    """The verdict of one rule whose metric says what it is told, per selector."""
    rule = make_rule(metric="told", subjects=(Subject(k=4),), maximum=limit, **changes)
    needs = replace(make_policy().needs, selectors=tuple(values))
    with use_metric(told_metric(values)):
        return evaluate(EVIDENCE, make_policy(rule, needs=needs), TODAY)
