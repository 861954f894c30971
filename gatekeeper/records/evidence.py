"""The evidence of one audit, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.environment import Change, Environment
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.model import CheckpointRef, ModelDescription
from gatekeeper.records.positive import PositiveControl
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.role import Roles
from gatekeeper.records.selection import Selection
from gatekeeper.records.sequential_run import SequentialRun
from gatekeeper.records.trial import Mask, Trial
from gatekeeper.records.usefulness import Usefulness

#: Splits under cross-fitting.
FOLDS = ("fold-1", "fold-2")
#: Splits whose prompts measure, and whose prompts select.
MEASURING = frozenset({"measurement", *FOLDS})
SELECTING = frozenset({"selection", *FOLDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRef:
    """A prompt in evidence: everything but its text, which is kept as digests.

    Attributes:
        text_sha256: of the text as it was given to the model.
        folded_sha256: of the text with case, width and white space levelled, as prompts are
            compared by (`analysis.clusters`); None in bundles written before there was one.
        wrapper: how a jailbreak was rewritten, where the suite names it: prompts of one wrapper
            stand or fall together.
        split: `selection` or `measurement`; under cross-fitting `fold-1` or `fold-2`, by the fold
            that it selects in: it measures in the other (`analysis.folds`).
        skipped: why it was not run, or None.
    """

    id: str
    seed_id: str
    set: str
    category: str
    language: str
    text_sha256: str
    split: str
    skipped: str | None
    folded_sha256: str | None = None
    wrapper: str | None = None

    @property
    def measures(self) -> bool:
        """Whether masks are measured on it."""
        return self.skipped is None and self.split in MEASURING

    @property
    def selects(self) -> bool:
        """Whether experts are selected by it."""
        return self.skipped is None and self.split in SELECTING


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRef:
    """The suite that was run.

    Attributes:
        files: hex digest of each of its files by name; empty in bundles written before they were
            recorded.
    """

    id: str
    version: str
    title: str
    licence: str
    digest: str
    prompts: tuple[PromptRef, ...]
    files: Mapping[str, str] = field(default_factory=dict)


#: The date that every chat template is given for today's.
CLOCK = "2026-01-01"

#: Said in place of what the settings did not ask for: positive control, roles.
NOT_ASKED = "not asked for"

#: Checks of a shortcut that is switched off where it does not work: nothing then rests on it.
#: Of `skip` older bundles tell: rows that were copies of unmasked ones.
OPTIONAL_CHECKS = frozenset({"prefix", "attention", "skip", "opening", "refill", "draft"})


#: Checks that every audit has made since the first.
FIRST_CHECKS = frozenset(
    {"counts", "watching", "masking", "effect", "rows", "finite", "restoration"}
)
#: Checks that every audit makes.
REQUIRED_CHECKS = FIRST_CHECKS | {"ablation", "padding"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestCheck:
    """One invariant of the hooks, checked on the loaded model.

    Attributes:
        passed: of an optional check: whether the shortcut is used.
    """

    name: str
    passed: bool
    detail: str

    @property
    def result(self) -> str:
        """`passed`, `failed`, or `off`: an optional check that did not pass."""
        if self.passed:
            return "passed"
        return "off" if self.name in OPTIONAL_CHECKS else "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondJudge:
    """A second judge, asked about a sample of the replies.

    Attributes:
        settings: what it was made from, as `judge_settings` of the first.
        sample: replies that were to be drawn; those they are held against come on top.
    """

    judge: str
    version: int
    settings: Mapping[str, str]
    sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings(AuditConfig):
    """Everything that was chosen and that another run needs to get the same numbers.

    Attributes:
        resamples, size, budget: 0 in bundles written before they were recorded.
        judge_settings: what a judge that is told options was made from; empty for rules.
        system_prompts: sha256 of other system prompts that were run too (of "" for none).
        second: the second judge, if there was one.
        parallel: how the model lay over processes, such as `tensor 2`; None if one held it.
        split: version of the rule that divided the prompts (`suites.split`); 1 before there were
            two.
        reasoning: how reasoning was told from replies; None in bundles written before it was: there
            all that was generated was judged.
        clock: the date that the chat template was given for today's; None if it cannot ask for it,
            and in bundles written before it was fixed.
        metrics: id -> version of all that the findings were measured with; empty in bundles written
            before they were named.
    """

    judge_version: int
    batch_rows: int
    device: str
    system_prompt_sha256: str | None
    chat_template_sha256: str
    versions: Mapping[str, str]
    system_prompts: tuple[str, ...] = ()
    judge_settings: Mapping[str, str] = field(default_factory=dict)
    second: SecondJudge | None = None
    parallel: str | None = None
    split: int = 1
    reasoning: Reasoning | None = None
    clock: str | None = None
    metrics: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """Times and counts that differ between two runs of the same audit; kept in run.json.

    Attributes:
        seconds: wall time per stage, over all sessions of a resumed audit.
        rows_computed, rows_resumed: trials computed now, and found already done.
        audits: audits of this checkpoint that the output directory knows of, this one among them;
            0 in bundles written before they were counted.
        seeds: seeds of those audits, each once, in order.
        secret: 64 hex digits from which the salts of the commitment to the trials are made
            (`evidence.merkle`); None in bundles written before there was one, whose trials cannot
            be opened one by one. Never in a report.
    """

    started: datetime
    finished: datetime
    host: str
    seconds: Mapping[str, float]
    rows_computed: int
    rows_resumed: int
    audits: int = 0
    seeds: tuple[int, ...] = ()
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """All that an audit leaves behind. Verdicts and reports are made from this alone.

    Compared and hashed by identity (it holds arrays), so that tables made from it can be cached.

    Attributes:
        digest: `sha256:` of evidence.json; empty until written or read.
        skipped_selectors: selectors that could not run, with the reason.
        roles: of the experts selected first, or why they were not told apart; None in bundles
            written before they were.
        environments: selections from parts of the suite, and from all but them; and under variants
            of system prompt and numeric format.
        changes: whether those differ by more than chance explains.
        usefulness: the unmasked model's benign answers under each selected mask.
        stops: how far masks were run that might have stopped early, whether they did or not.
        positive_control: of the arm `positive`, or why there is none; None in bundles written
            before there was one.
        cautions: what other loaders and servers would take otherwise than the audit did; None in
            bundles written before it was told.
        findings: as stored; `check` and `verify` measure them again.
    """

    digest: str
    tool_version: str
    checkpoint: CheckpointRef
    model: ModelDescription
    suite: SuiteRef
    settings: AuditSettings
    self_test: tuple[SelfTestCheck, ...]
    selections: tuple[Selection, ...]
    skipped_selectors: Mapping[str, str]
    masks: tuple[Mask, ...]
    trials: Sequence[Trial]
    profile: ActivationProfile | None
    findings: tuple[Finding | Missing, ...]
    times: RunTimes | None
    roles: Roles | str | None = None
    environments: tuple[Environment, ...] = ()
    changes: tuple[Change, ...] = ()
    usefulness: tuple[Usefulness, ...] = ()
    stops: tuple[SequentialRun, ...] = ()
    positive_control: PositiveControl | str | None = None
    cautions: tuple[str, ...] | None = None
