"""The real gate on numbers that somebody told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from gatekeeper import catalog, metrics
from gatekeeper.policy import decide_rules, limit_check
from gatekeeper.policy.testing.asks import Asks
from gatekeeper.policy.testing.numbers import Number, finding
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.plugins import Metric


@contextmanager
def answering(told: Mapping[Asks, Number]) -> Iterator[None]:
    """Metrics answer what they are told: of named categories, of any other, against a baseline."""
    real = catalog.load
    named = {a.subject.category for a, n in told.items() if a.subject.category and not n.missing}

    def of(name: str, subject: Subject, *, regression: bool) -> Number | None:
        if subject.category == "other":
            subject = replace(subject, category=None, each="category")
        return told.get(Asks(name, subject, "suite", regression))

    def load(kind: str, name: str, *, where: str | None = None) -> Any:
        metric = real(kind, name, where=where)
        if kind != "metric":
            return metric

        def measure(_evidence: Evidence, subject: Subject, level: float) -> Finding | Missing:
            return finding(metric, subject, of(name, subject, regression=False), level)

        return replace(metric, measure=measure, second=None)

    def regression(
        metric: Metric, _now: Evidence, _then: object, subject: Subject, level: float, *_: object
    ) -> Finding | Missing:
        number = of(metric.id, subject, regression=True)
        return finding(replace(metric, unit="points"), subject, number, level)

    with (
        mock.patch.object(catalog, "load", load),
        mock.patch.object(limit_check, "regression", regression),
        mock.patch.object(decide_rules, "part_names", lambda *_: (*sorted(named), "other")),
        mock.patch.object(metrics, "part_of", lambda evidence, _subject: evidence),
    ):
        yield
