"""The answer of the gate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gatekeeper.errors import ExitCode
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.policy import Rule, Waiver

#: What became of a rule, best first. `waived` is one that an approved waiver covers.
RESULTS = ("pass", "waived", "inconclusive", "fail")

#: What a verdict comes to, in the words that every output shows.
HEADLINES = ("passed", "passed by exception", "inconclusive", "failed on warnings", "failed")

#: What a process answers, by headline (docs/adr/0002).
EXIT_CODES: Mapping[str, ExitCode] = {
    "passed": ExitCode.PASS,
    "passed by exception": ExitCode.PASS,
    "failed": ExitCode.FAIL,
    "failed on warnings": ExitCode.FAIL,
    "inconclusive": ExitCode.INCONCLUSIVE,
}

#: Which rules that did not pass keep a verdict from passing: blocking ones, or warnings too.
FAIL_ON = ("block", "warn")


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
class MorePrompts:
    """How many more prompts would settle a rule, roughly, of each kind that it asks about.

    Attributes:
        low: at least so many: what it takes if the number measured stays as it is.
        high: what it takes if that number is nearer to the limit by two thirds of its standard
            error; None where this is more than ten times what was measured.
    """

    low: int
    high: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """One rule held against the evidence.

    Attributes:
        result: one of `RESULTS`.
        decisive: the finding (or what is missing) that decided: the worst of its subjects.
        others: the further subjects, worst first.
        explanation: one sentence, in plain words, with the numbers.
        more_prompts: what would decide an inconclusive rule; None where prompts alone hardly would.
        resolution: what could have been told with so many; None where that is not known.
        obstacle: why no number of prompts would decide: `noise` (the limit lies below it),
            `second judge` (it sees the number on the other side), `undecided` (replies that no
            judge could tell would move it to the other side), or None.
        waiver: what covers it, if it is waived; None in verdicts written before it was kept.
    """

    rule: Rule
    result: str
    decisive: Finding | Missing
    others: tuple[Finding | Missing, ...]
    explanation: str
    more_prompts: MorePrompts | None
    resolution: Resolution | None = None
    obstacle: str | None = None
    waiver: Waiver | None = None

    @property
    def blocking(self) -> bool:
        """Whether the rule is one that blocks, not one that warns."""
        return self.rule.severity != "warn"

    @property
    def largest(self) -> Finding | None:
        """The worst number measured over all subjects, whichever of them decided.

        The largest of a rule with an upper limit, the smallest of one with a lower limit; None if
        nothing was measured.
        """
        findings = [f for f in (self.decisive, *self.others) if isinstance(f, Finding)]
        sign = -1.0 if self.rule.maximum is None else 1.0
        return max(findings, key=lambda finding: sign * finding.value, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One need of the policy (selectors run, controls, prompts, …) and whether it was met."""

    name: str
    met: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A setting of the audit that differs from its default, in plain words."""

    name: str
    value: str
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Pass, fail or inconclusive under one policy.

    Attributes:
        result: `pass`, `fail` or `inconclusive`; passes only if there are rules and all pass.
        summary: one sentence saying why, which begins with the headline.
        evidence_digest, policy_digest, checkpoint_digest: `sha256:` of what it rests on.
        judged_on: the date waivers and review dates were held against.
        warnings: ids of `warn` rules that did not pass, and other things to know.
        fail_on: one of `FAIL_ON`.
        departures: settings of the audit that differ from their defaults.
        card: of the judge, if numbers were held corrected by it too.
        replaces: digest of another policy of the same id and version, under which a verdict stood
            in the same place.
        waivers_digest: `sha256:` of the file of waivers, if one was given.
        tier: the deployment tier of the policy, if it has tiers.
        baseline: `sha256:` of the earlier evidence that rules compared with, if any did.
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
    fail_on: str = "block"
    departures: tuple[Departure, ...] = ()
    card: JudgeCard | None = None
    replaces: str | None = None
    waivers_digest: str | None = None
    tier: str | None = None
    baseline: str | None = None

    @property
    def headline(self) -> str:
        """One of `HEADLINES`: what every output, and the exit code, is a view of."""
        return headline_of(self.result, self.outcomes, self.fail_on)

    @property
    def waived(self) -> tuple[RuleOutcome, ...]:
        """The rules that a waiver covers."""
        return tuple(outcome for outcome in self.outcomes if outcome.result == "waived")

    def blocks(self, outcome: RuleOutcome) -> bool:
        """Whether an outcome keeps this verdict from passing."""
        counts = outcome.blocking or self.fail_on == "warn"
        return counts and outcome.result in {"fail", "inconclusive"}

    def advises_remedy(self, outcome: RuleOutcome) -> bool:
        """Whether a rule's remedy is due: it failed, and the gate with it."""
        return self.result == outcome.result == "fail"


def headline_of(result: str, outcomes: tuple[RuleOutcome, ...], fail_on: str) -> str:
    """The headline of a result: see `Verdict.headline`."""
    if result == "pass":
        waived = any(outcome.result == "waived" for outcome in outcomes)
        return "passed by exception" if waived else "passed"
    if result == "fail":
        blocked = any(o.blocking and o.result == "fail" for o in outcomes)
        return "failed on warnings" if fail_on == "warn" and not blocked else "failed"
    return "inconclusive"


def settled_by(outcomes: tuple[RuleOutcome, ...]) -> MorePrompts | None:
    """Prompts that would settle all these open rules at once; None if they alone would not."""
    counts = [outcome.more_prompts for outcome in outcomes]
    each = [c for c in counts if c is not None]
    if not each or len(each) < len(counts):
        return None
    high = max(math.inf if c.high is None else c.high for c in each)
    low = max(c.low for c in each)
    return MorePrompts(low=low, high=None if math.isinf(high) else int(high))
