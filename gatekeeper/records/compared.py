"""A release beside the one before it: numbers then and now, and what of them compares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A measured number, or a difference of two; as of a finding.

    Attributes:
        whole: whether it rests on all replies there are, so that the interval is a point.
    """

    value: float
    low: float
    high: float
    confidence: float
    unit: str
    n: int
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """What a rule asks about, in both audits: the worst number of each.

    Attributes:
        then, now: None where it was not measured.
        then_result, now_result: of the rule as it is now; then without any waiver.
        change: by how much it became worse; negative where better. None where it cannot be told.
        paired: whether each prompt is its own comparison.
        why: why there is no change to tell, or what to know of one that is not paired; may be "".
    """

    rule: str
    then: Number | None
    now: Number | None
    then_result: str
    now_result: str
    change: Number | None
    paired: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that was another one then.

    Attributes:
        name: of the setting, as wording has it.
        bars: whether numbers do not compare at all for it.
    """

    name: str
    then: str
    now: str
    bars: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedExperts:
    """How many of a ranking's first experts are the same as then; never which."""

    ranking: str
    shared: int
    size: int
    by_chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPart:
    """A rule, need or waiver that is otherwise; `relation` as of `policy.diff`."""

    kind: str
    name: str
    relation: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyThen:
    """The policy of the verdict then, and how this one compares to it."""

    id: str
    version: str
    digest: str
    relation: str
    parts: tuple[PolicyPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """An audit beside that of the last release.

    Attributes:
        evidence, checkpoint: digests of then; `model` is its name.
        finished: day on which the audit then ended; "" if that was not recorded.
        headline, judged_on: of the verdict that lies beside the evidence of then; None without one.
        policy: None if there is none beside it.
    """

    evidence: str
    checkpoint: str
    model: str
    finished: str
    headline: str | None
    judged_on: str | None
    rules: tuple[RuleChange, ...]
    differences: tuple[Difference, ...]
    shared: tuple[SharedExperts, ...]
    policy: PolicyThen | None
