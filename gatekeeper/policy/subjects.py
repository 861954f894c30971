"""What a rule asks a metric about, once the policy's selectors are filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import EvidenceNeeds, Rule


def is_masked(metric: Metric, subject: Subject) -> bool:
    """Whether the answer depends on whose ranking the mask follows."""
    if "selector" not in metric.parameters:
        return False
    return "mask" not in metric.parameters or subject.mask == "selected"


def expand(
    metric: Metric,
    rule: Rule,
    needs: EvidenceNeeds,
    parts: Callable[[Subject], Sequence[str]] = lambda _subject: (),
) -> tuple[Subject, ...]:
    """Every subject that must hold for the rule to hold.

    A masked subject without a selector stands for one subject per required selector. Empty if no
    selector is required: then nothing can be measured, and the rule cannot pass. One of each
    category, or language, stands for one per part that there is; if there is none, it stays, and
    cannot be measured.

    Args:
        parts: of a subject of each category, or language, the names of all of them.
    """
    subjects: list[Subject] = []
    for each in rule.subjects:
        subjects += _of_parts(each, parts(each) if each.each else ())
    whole, subjects = subjects, []
    for subject in whole:
        if subject.selector is None and is_masked(metric, subject):
            subjects += _by_each(subject, tuple(needs.selectors))
        else:
            subjects.append(subject)
    return tuple(dict.fromkeys(subjects))


def _of_parts(subject: Subject, names: Sequence[str]) -> list[Subject]:
    """One subject for each of the names, or the subject itself without any."""
    if subject.each == "category":
        return [replace(subject, each=None, category=name) for name in names] or [subject]
    return [replace(subject, each=None, language=name) for name in names] or [subject]


@lru_cache(maxsize=1024)  # asked of each of many past audits
def _by_each(subject: Subject, selectors: Sequence[str]) -> tuple[Subject, ...]:
    return tuple(replace(subject, selector=selector) for selector in selectors)
