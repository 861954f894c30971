"""The answer of the gate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.policy import Rule

#: What became of a rule, best first. `waived` is a fail that an approved waiver covers.
RESULTS = ("pass", "waived", "inconclusive", "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What the audit could tell of a rule, with 80 % power and in the rule's unit.

    Attributes:
        fails_from: the true value nearest to the limit that would be called a fail; None if no
            value would. Its distance to the limit is the minimum detectable effect.
        passes_to: the true value nearest to the limit that would be called a pass; None likewise.
    """

    fails_from: float | None
    passes_to: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """One rule held against the evidence.

    Attributes:
        result: one of `RESULTS`.
        decisive: the finding (or what is missing) that decided: the worst of its subjects.
        others: the further subjects, worst first.
        explanation: one sentence, in plain words, with the numbers.
        more_prompts: about how many more measured prompts would decide, for inconclusive rules.
        resolution: what could have been told with so many; None where that is not known.
    """

    rule: Rule
    result: str
    decisive: Finding | Missing
    others: tuple[Finding | Missing, ...]
    explanation: str
    more_prompts: int | None
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One need of the policy (selectors run, controls, prompts, …) and whether it was met."""

    name: str
    met: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Pass, fail or inconclusive under one policy.

    Attributes:
        result: `pass`, `fail` or `inconclusive`; passes only if there are rules and all pass.
        summary: one sentence saying why.
        evidence_digest, policy_digest, checkpoint_digest: `sha256:` of what it rests on.
        judged_on: the date waivers and review dates were held against.
        warnings: ids of `warn` rules that did not pass, and other things to know.
    """

    result: str
    summary: str
    evidence_digest: str
    policy_digest: str
    policy_id: str
    policy_version: str
    checkpoint_digest: str
    judged_on: date
    requirements: tuple[Requirement, ...]
    outcomes: tuple[RuleOutcome, ...]
    warnings: tuple[str, ...]
