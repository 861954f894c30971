"""A policy, as loaded and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from gatekeeper.records.finding import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceNeeds:
    """What must have been measured before any rule can pass.

    Attributes:
        selectors: must have run; the worst one counts.
        ks: mask sizes to measure (and to draw the curve with).
        random_masks: different random controls per selector and k.
        prompts: measured prompts per set, at least; prompts that repeat a text count once.
        seeds: seeds those come from, per set, at least; seeds that share a text count as one.
        suite_id, suite_digest: the suite that must have been used, if the policy pins it.
    """

    selectors: tuple[str, ...]
    ks: tuple[int, ...]
    random_masks: int
    prompts: Mapping[str, int]
    seeds: Mapping[str, int] = field(default_factory=dict)
    suite_id: str | None = None
    suite_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One limit on one metric.

    Attributes:
        subjects: what it is asked about, one per value of a list in `at`; the worst counts.
        minimum, maximum: the limit, in `unit`; exactly one is set.
        bound: `upper`, `lower` or `estimate`: which end of the interval must be inside.
        interval: what the interval is about: `suite` (requests like those of the suite) or
            `population` (categories like those of the suite; prompts of one category count as one
            cluster).
        severity: `block` or `warn`.
        line: line of the rule in its file, from 1.
    """

    id: str
    metric: str
    subjects: tuple[Subject, ...]
    minimum: float | None
    maximum: float | None
    unit: str
    bound: str
    severity: str
    rationale: str
    remedy: str
    controls: tuple[str, ...]
    line: int
    interval: str = "suite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """An accepted, dated exception for one rule and one checkpoint."""

    rule: str
    checkpoint: str
    reason: str
    owner: str
    approver: str
    expires: date
    not_above: float | None
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a release must satisfy; `digest` is `sha256:` of the file's bytes."""

    id: str
    version: str
    title: str
    owner: str
    review_by: date | None
    architecture: str
    needs: EvidenceNeeds
    rules: tuple[Rule, ...]
    waivers: tuple[Waiver, ...]
    digest: str
    source: str
