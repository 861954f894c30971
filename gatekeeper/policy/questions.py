"""Questions to evidence that packages below this one answer, remembered by `policy.recalled`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from gatekeeper import metrics
from gatekeeper.analysis import noise, parts, population
from gatekeeper.evidence.wire_findings import finding_from_json, finding_to_json
from gatekeeper.policy.recalled import Recalled, question_of, recalled
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import PARTS, Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric


def measured(
    evidence: Evidence, metric: Metric, subject: Subject, confidence: float
) -> Finding | Missing:
    """See `metrics.measured`."""
    if not isinstance(evidence, Recalled):
        return metrics.measured(metric, evidence, subject, confidence)

    def answer(whole: Evidence) -> Any:
        finding = metrics.measured(metric, whole, subject, confidence)
        if evidence.memory.short:
            return _short(finding, metric, subject)
        return finding_to_json(finding)

    return _long(
        evidence.recall(question_of("measured", metric, subject, confidence), answer),
        metric,
        subject,
    )


def _short(finding: Finding | Missing, metric: Metric, subject: Subject) -> Any:
    """A finding without what was asked; it is read hundreds of times for each verdict."""
    head = finding.metric, finding.version, finding.subject
    if isinstance(finding, Missing) or head != (metric.id, metric.version, subject):
        return finding_to_json(finding)
    ends = finding.interval
    return [
        float(finding.value), finding.unit, float(ends.low), float(ends.high),
        float(ends.confidence), ends.method, int(finding.n), int(finding.clusters),
        dict(finding.counts), None if finding.p_value is None else float(finding.p_value),
        finding.p_method, finding.mask, finding.split,
    ]  # fmt: skip


def _long(data: Any, metric: Metric, subject: Subject) -> Finding | Missing:
    """The finding of `_short`."""
    if not isinstance(data, list):
        return finding_from_json(data)
    value, unit, low, high, confidence, method, n, clusters, counts, *others = data
    p_value, p_method, mask, split = others
    return Finding(
        metric=metric.id, version=metric.version, subject=subject, value=value, unit=unit,
        interval=Interval(low=low, high=high, confidence=confidence, method=method),
        n=n, clusters=clusters, counts=counts, p_value=p_value, p_method=p_method,
        mask=mask, split=split,
    )  # fmt: skip


@lru_cache(maxsize=2)  # asked with each of hundreds of numbers
@recalled("noise")
def noise_floor(evidence: Evidence, prompt_set: str) -> float:
    """See `analysis.noise.floor`."""
    return noise.floor(evidence, prompt_set)


@recalled("too few categories")
def too_few_categories(evidence: Evidence, prompt_set: str) -> str | None:
    """See `analysis.population.too_few_categories`."""
    return population.too_few_categories(evidence, prompt_set)


@recalled("names of parts", list, tuple)
def part_names(evidence: Evidence, prompt_set: str, of: str) -> tuple[str, ...]:
    """See `analysis.parts.part_names`."""
    return parts.part_names(evidence, prompt_set, of)


def by_category(evidence: Evidence) -> Evidence:
    """See `analysis.population.by_category`."""
    if isinstance(evidence, Recalled):
        return evidence.variant("by category", population.by_category)
    return population.by_category(evidence)


def part_of(evidence: Evidence, subject: Subject) -> Evidence | str:
    """See `analysis.parts.part_of`."""
    whole = subject.each is None and not any(getattr(subject, of) for of in PARTS)
    if whole or not isinstance(evidence, Recalled):
        return parts.part_of(evidence, subject)
    why = _no_part(evidence, subject)
    return why or evidence.variant(question_of("part", subject), lambda e: _part(e, subject))


@recalled("no part")
def _no_part(evidence: Evidence, subject: Subject) -> str | None:
    part = parts.part_of(evidence, subject)
    return part if isinstance(part, str) else None


def _part(evidence: Evidence, subject: Subject) -> Evidence:
    part = parts.part_of(evidence, subject)
    if isinstance(part, str):  # it was said that there is one
        raise TypeError(part)
    return part
