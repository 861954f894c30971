"""What a report is made of: plain data, already cut to its disclosure level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from gatekeeper.analysis.matching import Match
from gatekeeper.records.evidence import AuditSettings, RunTimes, SelfTestCheck
from gatekeeper.records.finding import Finding, Interval, Missing
from gatekeeper.records.model import ExpertId
from gatekeeper.records.verdict import RESULTS, Requirement, RuleOutcome, Verdict
from gatekeeper.report.compared import ComparedFacts
from gatekeeper.report.corrected_parts import CorrectedFacts
from gatekeeper.report.curve_parts import Curve
from gatekeeper.report.disclosure import Disclosure, SelectorFacts
from gatekeeper.report.doses import Doses
from gatekeeper.report.environment_facts import EnvironmentRow
from gatekeeper.report.frames import FrameRows
from gatekeeper.report.role_facts import RoleFacts
from gatekeeper.report.test_plan import TestPlan
from gatekeeper.report.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """Which document this is.

    `id` follows from the digests it rests on, level and language; `created` is when the audit
    finished (or SOURCE_DATE_EPOCH), never the time of rendering.
    """

    id: str
    title: str
    created: datetime
    tool_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a report is laid out.

    Attributes:
        template: name of a template, of ours or of those in `folder`.
        paper: `a4` or `letter`.
        folder: of the user's own templates, whose names come before ours.
    """

    template: str = "committee"
    paper: str = "a4"
    folder: Path | None = None


DEFAULT_LAYOUT = Layout()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """The model, in the words of a table."""

    name: str
    revision: str | None
    digest: str
    shape: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """The policy, in the words of a table.

    Attributes:
        file: path of its file as it was given, `/` between folders; the name alone where that was
            no path below the working directory.
        own_lines: whether the lines of its rules are lines of that file; those of a policy that
            was put together from several are not.
    """

    id: str
    version: str
    title: str
    owner: str
    review_by: date | None
    digest: str
    tier: str | None = None
    file: str = "policy.yaml"
    own_lines: bool = True

    @property
    def edition(self) -> str:
        """The version, and the deployment tier if the policy has tiers."""
        return self.version if self.tier is None else f"{self.version} · {self.tier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of prompts in percent, with its interval and n; or why there is none."""

    value: float
    interval: Interval | None
    n: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What a verdict comes to, as every format says it first.

    Attributes:
        tone: the result whose sign and colour it takes.
        line: the word, with the waivers behind it where they made the pass.
        waivers: which rules are waived, until when and approved by whom, whatever the verdict.
    """

    word: str
    tone: str
    line: str
    waivers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNumber:
    """One of the numbers that decided."""

    value: str
    label: str
    detail: tuple[str, ...]
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The page a committee reads first."""

    tested: tuple[str, ...]
    numbers: tuple[KeyNumber, ...]
    meaning: tuple[str, ...]
    consequence: str
    conclusion: str
    recommended: tuple[str, ...]
    certainty: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRates:
    """Refusal and degenerate rates of one prompt set, unmasked and under the worst mask."""

    set: str
    title: str
    unmasked: Finding | None
    masked: Finding | None
    degenerate_unmasked: Finding | None
    degenerate_masked: Finding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """Refusal of the regular prompts of one category or language."""

    name: str
    unmasked: Share
    masked: Share | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverRow:
    """A waiver of a rule, and whether it took effect."""

    applied: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One rule, in the words of a table, with the outcome it comes from.

    Attributes:
        subject, measured, interval, n: of the worst number of all its subjects.
        decided: which of them decided, if it was another; else empty.
        remedy: empty unless it is due.
    """

    id: str
    title: str
    subject: str
    decided: str
    limit: str
    bound: str
    measured: str
    interval: str
    n: str
    result: str
    severity: str
    explanation: str
    could_tell: str
    rationale: str
    remedy: str
    controls: tuple[str, ...]
    waivers: tuple[WaiverRow, ...]
    outcome: RuleOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeFacts:
    """The judge's basics."""

    id: str
    version: int
    title: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How it was measured; what was left out, as (what, reason, how many) and (reason, how many).

    `truncated` counts replies cut at the token window, of `trials`. `second_judge` tells of one, if
    there was any.
    """

    judge: JudgeFacts
    self_test: tuple[SelfTestCheck, ...]
    skipped: tuple[tuple[str, str, int], ...]
    truncated: int
    trials: int
    missing: tuple[tuple[str, int], ...]
    second_judge: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What another run needs to get the same numbers."""

    files: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    suite: tuple[tuple[str, str], ...]
    suite_id: str
    suite_digest: str
    suite_files: tuple[tuple[str, str], ...]
    metrics: tuple[str, ...]
    prompts: tuple[tuple[str, int, int], ...]
    audit: AuditSettings
    times: RunTimes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleReply:
    """A lost refusal: the two replies to one prompt. Restricted level only."""

    prompt_id: str
    category: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertRow:
    """One ranked expert. Restricted level only."""

    rank: int
    expert: ExpertId
    score: float
    probability: float
    stable: bool
    groups: tuple[str, ...]
    borderline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Annex:
    """Restricted level only."""

    experts: Mapping[str, tuple[ExpertRow, ...]]
    samples: tuple[SampleReply, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """Everything a format may show, and nothing it may not.

    Attributes:
        summed_up: those of the verdict's warnings that the summary tells too.
    """

    level: Disclosure
    words: Wording
    document: DocumentFacts
    verdict: Verdict
    headline: Headline
    model: ModelFacts
    policy: PolicyFacts
    summary: Summary
    curve: Curve | None
    doses: Doses | None
    sets: tuple[SetRates, ...]
    selectors: tuple[SelectorFacts, ...]
    roles: RoleFacts | None
    environments: tuple[EnvironmentRow, ...]
    rules: tuple[RuleRow, ...]
    warnings: tuple[str, ...]
    summed_up: frozenset[str]
    requirements: tuple[Requirement, ...]
    categories: tuple[GroupRow, ...]
    languages: tuple[GroupRow, ...]
    method: Method
    provenance: Provenance
    plan: TestPlan
    findings: tuple[Finding | Missing, ...]
    annex: Annex | None
    matches: tuple[Match, ...] = ()
    corrected: CorrectedFacts | None = None
    positive: tuple[str, ...] = ()
    frames: tuple[FrameRows, ...] = ()
    compared: ComparedFacts | None = None
    layout: Layout = DEFAULT_LAYOUT

    @property
    def not_passed(self) -> tuple[RuleRow, ...]:
        """The rules that did not pass, failed ones first, blocking before warning ones."""
        rows = [row for row in self.rules if row.result != "pass"]
        weight = RESULTS.index
        return tuple(sorted(rows, key=lambda row: (-weight(row.result), row.severity == "warn")))
