"""A policy, as loaded and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from gatekeeper.records.finding import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchNeeds:
    """How hard the search for experts must have looked. None, 0 and () ask for nothing.

    Attributes:
        resamples: per selector, at least.
        size: experts taken per resample, at least; 0 with `size_is_largest_k`.
        size_is_largest_k: as many as the largest mask of the policy holds, no more and no fewer;
            and no larger mask is run.
        full_budget: a selector whose budget cut it short counts as not run.
        selecting_seeds: seeds of regular prompts that selected, at least, in each fold.
        cross_fit: whether each half of the seeds must have selected what the other measured.
        windows: token windows that selectors may have counted on; empty with `own_windows`.
        own_windows: each selector must have counted on the tokens that it is made for.
    """

    resamples: int = 0
    size: int = 0
    size_is_largest_k: bool = False
    full_budget: bool = True
    selecting_seeds: int = 0
    cross_fit: bool | None = None
    windows: tuple[str, ...] = ()
    own_windows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsNeeds:
    """Settings of the audit that must be as the policy has them. None and () ask for nothing.

    Attributes:
        judge: the judge by name; `judge_settings`: `sha256:` of what it was told, or `none`.
        system_prompt, chat_template: digests, `sha256:…`; `none` for no system prompt.
        window: tokens generated before a reply is judged; 0 for any number.
        truncated: largest share (0 to 1) of harmful prompts whose unmasked reply was cut before a
            refusal could be ruled out.
        undecided: largest share (0 to 1) of the replies under any mask that no judge could tell.
        dtypes: numeric formats that may be used.
        sequential: whether masks must have stopped once their limits were settled, or must not.
        seed: the seed; None for any. `derived_seed`: the one that follows from policy, suite,
            checkpoint and nonce.
        thinking: `on`, `off` or `template`: whether the model must have been made to reason.
        reasoning_marks: marks around reasoning that count beside those known: an opening and a
            closing one, or nothing; None for any.
        reasoning_tokens: tokens of reasoning before a reply was given up; 0 for any number.
        nonce: whether somebody must have drawn a word that goes into a derived seed; else none may
            have: whoever audits could draw until one suits.
    """

    judge: str | None = None
    judge_settings: str | None = None
    system_prompt: str | None = None
    chat_template: str | None = None
    window: int = 0
    truncated: float | None = None
    undecided: float | None = None
    dtypes: tuple[str, ...] = ()
    mode: str | None = None
    phase: str | None = None
    sequential: bool | None = None
    seed: int | None = None
    derived_seed: bool = False
    nonce: bool = False
    thinking: str | None = None
    reasoning_marks: tuple[str, ...] | None = None
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNeeds:
    """A judge's card that must be there, measured on replies of the audited checkpoint.

    Attributes:
        on: the replies it must tell of: `masked` or `unmasked`.
        compliance_sensitivity: least share (0 to 1) of replies that people saw comply which the
            judge calls so.
        newest: days from its making to the end of the audit, at most; None for any number.
    """

    on: str
    compliance_sensitivity: float
    newest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceNeeds:
    """What must have been measured before any rule can pass.

    Attributes:
        selectors: must have run; the worst one counts.
        ks: mask sizes to measure (and to draw the curve with).
        shares: further sizes, as shares (0 to 1) of the experts that can be masked; see `sized`.
        random_masks: different random controls per selector and k.
        prompts: measured prompts per set, at least; prompts that repeat a text count once.
        seeds: seeds those come from, per set, at least; seeds that share a text count as one.
        suite_id, suite_digest: the suite that must have been used, if the policy pins it;
            `suite_digests`: of several of which any will do.
        measured: least share (0 to 1) of the prompts of each set that must have been run.
        per_category: measured prompts per category of each set, at least.
        power: probability with which each rule must be able to pass what loses nothing and to fail
            what loses twice its limit; None: no rule's prompts are counted so.
        positive_control: points of refusal that the audit must have been seen to notice.
        judge_card: the card of the judge that must be there; None: none, and numbers count as
            judged.
    """

    selectors: tuple[str, ...]
    ks: tuple[int, ...]
    random_masks: int
    prompts: Mapping[str, int]
    seeds: Mapping[str, int] = field(default_factory=dict)
    suite_id: str | None = None
    suite_digest: str | None = None
    suite_digests: tuple[str, ...] = ()
    measured: float = 0.0
    per_category: int = 0
    search: SearchNeeds = SearchNeeds()
    settings: SettingsNeeds = SettingsNeeds()
    shares: tuple[float, ...] = ()
    power: float | None = None
    positive_control: float | None = None
    judge_card: CardNeeds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One limit on one metric.

    Attributes:
        subjects: what it is asked about, one per value of a list in `at`; the worst counts.
        minimum, maximum: the limit, in `unit`; one is set, or both of a rule that holds a number
            between two.
        bound: `upper`, `lower`, `both` or `estimate`: which end of the interval must be inside.
        interval: what the interval is about: `suite` (requests like those of the suite) or
            `population` (categories like those of the suite; prompts of one category count as one
            cluster).
        shares: further mask sizes, as shares (0 to 1) of the experts that can be masked; they are
            subjects once the model is known, see `Policy.sized`.
        regression: whether the limit is of how much worse the number is than the baseline's.
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
    shares: tuple[float, ...] = ()
    regression: bool = False

    def sides(self) -> tuple[Rule, ...]:
        """The rule with one limit; of one with two, the rule of each."""
        if self.minimum is None or self.maximum is None:
            return (self,)
        return (replace(self, maximum=None), replace(self, minimum=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """An accepted, dated exception for one rule and one checkpoint.

    Attributes:
        not_above, not_below: worst number accepted of a rule with an upper, or with a lower limit.
        line: of the file it stands in.
        issued: its first day; None: it counts from whenever.
        separate: whether it stands in a file of its own, not in the policy.
    """

    rule: str
    checkpoint: str
    reason: str
    owner: str
    approver: str
    expires: date
    not_above: float | None
    line: int
    not_below: float | None = None
    issued: date | None = None
    ticket: str = ""
    separate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a policy says otherwise than the one that it extends, or a tier than the rest.

    Attributes:
        against: the id of the policy it extends, or `tier NAME`.
        what: a rule and its key, or the keys down to the value; of a whole rule `rule ID`.
        old, new: the value as it is written, of a whole rule ""; None where there is none.
    """

    against: str
    what: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a release must satisfy.

    Attributes:
        digest: `sha256:` of `text`: of the file's bytes, or, of a policy that extends another or
            has tiers, of the whole policy in one file. That names the digest of each file that went
            into it, so that no byte of a parent changes without this one.
        audit_digest: `sha256:` of what the policy asks to be measured (its id and `evidence`),
            whatever its limits, waivers and comments are: what a derived seed follows from.
        longest_waiver: days from today to the last of a waiver, at most; None for any number.
        waivers_text, waivers_digest: bytes of the file of waivers beside it, and their `sha256:`;
            b"" and None if none was given.
        text: what is kept beside a verdict, from which alone the same policy is read again.
        tier: the deployment tier that it is for, if the policy has tiers.
        changes: against what it extends, and of its tier; none once it is in one file.
        about: what it covers and what not, in its author's words.
    """

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
    audit_digest: str = ""
    longest_waiver: int | None = None
    waivers_digest: str | None = None
    waivers_text: bytes = b""
    text: bytes = b""
    tier: str | None = None
    changes: tuple[Change, ...] = ()
    about: tuple[str, ...] = ()

    def sized(self, experts: int) -> Policy:
        """The same policy with its shares turned into mask sizes of a model.

        A share of the experts is rounded to whole ones (halves up), and is at least one: 0.2 % of
        6,144 is 12, of 64 is 1. Sized again it stays the same.

        Args:
            experts: those that a mask can hold.
        """
        ks = {*self.needs.ks, *(size_of(share, experts) for share in self.needs.shares)}
        rules = []
        for rule in self.rules:
            if not rule.shares:
                rules.append(rule)
                continue
            first, plain = rule.subjects[0], [at for at in rule.subjects if at.k is not None]
            more = [replace(first, k=size_of(share, experts)) for share in rule.shares]
            ks |= {at.k for at in more if at.k is not None}
            subjects = tuple(dict.fromkeys((*plain, *more)))
            rules.append(replace(rule, subjects=subjects, shares=()))
        needs = replace(self.needs, ks=tuple(sorted(ks)), shares=())
        return replace(self, needs=needs, rules=tuple(rules))


def size_of(share: float, experts: int) -> int:
    """A share of the experts as a number of them: rounded, halves up, at least one."""
    return max(1, math.floor(share * experts + 0.5))
