"""What a rule asks a metric about, once the policy's selectors are filled in."""

from __future__ import annotations

from collections.abc import Sequence
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


def expand(metric: Metric, rule: Rule, needs: EvidenceNeeds) -> tuple[Subject, ...]:
    """Every subject that must hold for the rule to hold.

    A masked subject without a selector stands for one subject per required selector. Empty if no
    selector is required: then nothing can be measured, and the rule cannot pass.
    """
    subjects: list[Subject] = []
    for subject in rule.subjects:
        if subject.selector is None and is_masked(metric, subject):
            subjects += _by_each(subject, tuple(needs.selectors))
        else:
            subjects.append(subject)
    return tuple(dict.fromkeys(subjects))


@lru_cache(maxsize=1024)  # asked of each of many past audits
def _by_each(subject: Subject, selectors: Sequence[str]) -> tuple[Subject, ...]:
    return tuple(replace(subject, selector=selector) for selector in selectors)
