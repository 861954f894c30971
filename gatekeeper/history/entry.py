"""What the index of a history holds of one bundle, and what a verdict came to in short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from gatekeeper.policy.wording import limit_text
from gatekeeper.records.finding import Finding
from gatekeeper.records.verdict import RuleOutcome, Verdict

#: What people may say of a release afterwards: whether it turned out fine.
LABELS = ("good", "bad")


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefRule:
    """How one rule came out.

    Attributes:
        result: one of `verdict.RESULTS`.
        blocks: whether it kept the verdict from passing.
        limit: in words, `at most 10 points`.
        value, low, high: the number that decided and its interval; None if it is missing.
        explanation: one sentence.
    """

    id: str
    result: str
    blocks: bool
    limit: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    n: int
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A verdict in short: what is compared with another one.

    Attributes:
        headline: one of `verdict.HEADLINES`.
        unmet: needs of the policy that were not met, each in words.
    """

    headline: str
    summary: str
    rules: tuple[BriefRule, ...]
    unmet: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the release may go on, by exception or not."""
        return self.headline.startswith("passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One bundle of a history.

    Attributes:
        digest: `sha256:` of its evidence.json.
        model: what checkpoints of one model are called together.
        checkpoint: digest of the checkpoint.
        finished: day on which the audit ended; `added`: on which it came here.
        label: one of `LABELS`, or empty.
        policy: id and version of the policy of the stored verdict, and its digest; empty without.
        judged_on: day of that verdict; None without.
        brief: what it came to; None without.
        card: the judge's card that it rests on, as in verdict.json; None without.
        fail_on: of the verdict, see `evaluate`.
        baseline: digest of the evidence that the verdict compares with; empty if it does not.
        files: of each file, by its path in the bundle's folder: sha256, bytes and time of change.
    """

    digest: str
    model: str
    checkpoint: str
    finished: date
    added: date
    label: str
    policy: str
    policy_digest: str
    judged_on: date | None
    brief: Brief | None
    card: Mapping[str, Any] | None
    fail_on: str
    files: Mapping[str, Sequence[Any]]
    baseline: str = ""

    @property
    def short(self) -> str:
        """As much of the digest as tells bundles apart."""
        return self.digest.removeprefix("sha256:")[:12]

    @property
    def headline(self) -> str:
        """That of its verdict, in words."""
        return "no verdict" if self.brief is None else self.brief.headline


def brief_of(verdict: Verdict) -> Brief:
    """A verdict in short."""
    return Brief(
        headline=verdict.headline,
        summary=verdict.summary,
        rules=tuple(_brief_rule(verdict, outcome) for outcome in verdict.outcomes),
        unmet=tuple(f"{n.name}: {n.detail}" for n in verdict.requirements if not n.met),
    )


def _brief_rule(verdict: Verdict, outcome: RuleOutcome) -> BriefRule:
    decisive, rule = outcome.decisive, outcome.rule
    found = decisive if isinstance(decisive, Finding) else None
    return BriefRule(
        id=rule.id,
        result=outcome.result,
        blocks=verdict.blocks(outcome),
        limit=limit_text(rule),
        value=None if found is None else found.value,
        low=None if found is None else found.interval.low,
        high=None if found is None else found.interval.high,
        unit=rule.unit,
        n=0 if found is None else found.n,
        explanation=outcome.explanation,
    )


def brief_to_json(brief: Brief) -> dict[str, Any]:
    """A brief as plain data."""
    return asdict(brief)


def brief_from_json(data: Mapping[str, Any]) -> Brief:
    """The record of `brief_to_json`."""
    rules = tuple(BriefRule(**rule) for rule in data["rules"])
    return Brief(
        headline=data["headline"],
        summary=data["summary"],
        rules=rules,
        unmet=tuple(data["unmet"]),
    )
