"""The verdict of a policy on numbers that somebody told, by the rules of the real gate.

Only where numbers come from differs: each rule's metric is one that answers what it is told, with
the interval that so many prompts give. Limits, claims made together, waivers and the headline are
`decide_rules.decide`, `waivers.apply_waivers` and `evaluate.result_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from gatekeeper import catalog
from gatekeeper.policy.decide_rules import CONFIDENCE, decide
from gatekeeper.policy.evaluate import result_of
from gatekeeper.policy.limit_check import outside
from gatekeeper.policy.subjects import expand
from gatekeeper.policy.testing.blank import blank_evidence
from gatekeeper.policy.testing.numbers import Number, finding, metric_of
from gatekeeper.policy.waivers import apply_waivers
from gatekeeper.policy.wording import rounded
from gatekeeper.records.finding import PARTS, Finding, Missing, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import EvidenceNeeds, Policy, Rule
from gatekeeper.records.verdict import EXIT_CODES, Requirement, RuleOutcome, headline_of

#: Checkpoint that told evidence is of, unless a case names one.
CHECKPOINT = "sha256:" + "0" * 64
#: Results of rules that did not pass, as a test file may expect them.
OPEN_RESULTS = ("fail", "inconclusive", "waived")


#: (rule, subject) -> what is told of it; None if nothing is.
Answers = Callable[[Rule, Subject], Number | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The verdict on told numbers.

    Attributes:
        headline: one of `records.verdict.HEADLINES`; `exit_code` follows from it.
    """

    headline: str
    exit_code: int
    outcomes: tuple[RuleOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a verdict rests on beside numbers.

    Attributes:
        unmet: names of needs (`policy.asked`) that the evidence does not meet.
        parts: categories and languages by name, as (`category`, name), that numbers are told of: a
            rule about each of them is about these too. What is told of each is of any other.
    """

    today: date
    unmet: frozenset[str] = frozenset()
    parts: tuple[tuple[str, str], ...] = ()
    checkpoint: str = CHECKPOINT
    fail_on: str = "block"


def judge_told(policy: Policy, answers: Answers, setting: Setting, needs: Iterable[str]) -> Told:
    """The verdict of a policy on told numbers.

    Args:
        policy: sized for a model.
        needs: names of the needs that the policy asks for.
    """
    outcomes = []
    for raw in _decide(policy, answers, setting.parts):
        outcome, _ = apply_waivers(
            raw,
            policy.waivers,
            setting.checkpoint,
            setting.today,
            lambda _worst, _largest: False,
            policy.longest_waiver,
        )
        outcomes.append(outcome)
    required = [
        Requirement(name=name, met=name not in setting.unmet, detail="as told")
        for name in ("rules", *needs)
    ]
    result = result_of(required, outcomes, setting.fail_on)
    headline = headline_of(result, tuple(outcomes), setting.fail_on)
    return Told(headline=headline, exit_code=int(EXIT_CODES[headline]), outcomes=tuple(outcomes))


def _decide(
    policy: Policy, answers: Answers, parts: tuple[tuple[str, str], ...]
) -> tuple[RuleOutcome, ...]:
    """All rules on what they are told.

    Rules have to do with each other only where a number lies wholly beyond its limit: a fail is
    then claimed among all. Elsewhere each is decided by itself, once for the same numbers.
    """
    selectors = policy.needs.selectors
    told = [tuple(_numbers(rule, answers, selectors, parts)) for rule in policy.rules]
    alone = [_alone(rule, selectors, numbers)
             for rule, numbers in zip(policy.rules, told, strict=True)]  # fmt: skip
    if not any(_beyond(outcome) for outcome in alone):
        return tuple(alone)
    pairs = [_told_metric(rule, dict(numbers))
             for rule, numbers in zip(policy.rules, told, strict=True)]  # fmt: skip
    blank = blank_evidence(at for numbers in told for at, _ in numbers)
    decided = decide(blank, policy, pairs, CONFIDENCE, advise=False)
    return tuple(replace(o, rule=rule) for o, rule in zip(decided, policy.rules, strict=True))


def _numbers(
    rule: Rule,
    answers: Answers,
    selectors: tuple[str, ...],
    parts: tuple[tuple[str, str], ...],
) -> Iterator[tuple[Subject, Number | None]]:
    """What is told of each subject of a rule; of one of each part, of those with a name too."""
    for at in _subjects(rule, selectors):
        yield at, answers(rule, at)
        for of, name in parts if at.each else ():
            if of == at.each:
                named = replace(at, each=None, **{of: name})  # type: ignore[arg-type]
                number = answers(rule, named)
                if number is not None and number.missing is None:
                    yield named, number


def _beyond(outcome: RuleOutcome) -> bool:
    findings = (outcome.decisive, *outcome.others)
    return any(
        isinstance(f, Finding) and outside(side, f.interval)
        for f in findings
        for side in outcome.rule.sides()
    )


@lru_cache(maxsize=8192)
def _subjects(rule: Rule, selectors: tuple[str, ...]) -> tuple[Subject, ...]:
    return expand(catalog.load("metric", rule.metric), rule, _needs(selectors))


def _needs(selectors: tuple[str, ...]) -> EvidenceNeeds:
    return EvidenceNeeds(selectors=selectors, ks=(), random_masks=0, prompts={})


@lru_cache(maxsize=8192)
def _alone(
    rule: Rule, selectors: tuple[str, ...], numbers: tuple[tuple[Subject, Number | None], ...]
) -> RuleOutcome:
    policy = replace(_EMPTY, rules=(rule,), needs=_needs(selectors))
    pair = _told_metric(rule, dict(numbers))
    blank = blank_evidence(at for at, _ in numbers)
    (outcome,) = decide(blank, policy, [pair], CONFIDENCE, advise=False)
    return replace(outcome, rule=rule)


_EMPTY = Policy(
    id="",
    version="",
    title="",
    owner="",
    review_by=None,
    architecture="any",
    needs=_needs(()),
    rules=(),
    waivers=(),
    digest="",
    source="",
)


def _told_metric(rule: Rule, numbers: Mapping[Subject, Number | None]) -> tuple[Rule, Metric]:
    """The rule with a metric that answers what it is told.

    What an interval is about is told with it, and so is a change against a baseline, so the rule
    asks for either as it is. So it does for a part of a set: there are no prompts to be told apart.
    """
    named = {_unparted(subject): number for subject, number in numbers.items()}
    metric = metric_of(rule.metric, regression=rule.regression)

    def measure(_evidence: object, subject: Subject, confidence: float) -> Finding | Missing:
        return finding(metric, subject, named.get(subject), confidence)

    told = replace(rule, subjects=tuple(named), interval="suite", regression=False)
    return told, replace(metric, measure=measure, second=None)


def _unparted(subject: Subject) -> Subject:
    """A subject with its part as a word that nothing else reads."""
    parts = [(of, getattr(subject, of)) for of in ("each", *PARTS) if getattr(subject, of)]
    if not parts:
        return subject
    word = " ".join([subject.dimension or "", *(f"{of} {name}" for of, name in parts)]).strip()
    return replace(subject, each=None, category=None, language=None, dimension=word)


def worst_open(told: Told) -> str:
    """The worst rule that did not pass, with its number and which part that is of."""
    open_ = [o for o in told.outcomes if o.result not in {"pass", "waived"}]
    if not open_:
        return told.headline
    return f"{open_[0].rule.id}: {open_[0].result}, {number_text(open_[0].decisive)}"


def number_text(decisive: Finding | Missing) -> str:
    """A number with its interval, and what it is of."""
    subject = decisive.subject
    words = [v if key == "dimension" else f"{key} {v}" for key, v in subject.items()]
    at = f" ({', '.join(map(str, words))})" if words else ""
    if isinstance(decisive, Missing):
        return f"no number told{at}"
    interval = decisive.interval
    return (
        f"{rounded(decisive.value, 1)} {decisive.unit}{at} (95 % interval "
        f"{rounded(interval.low, 2)} to {rounded(interval.high, 2)}, n = {decisive.n})"
    )


def otherwise(told: Told, expect: Mapping[str, Any]) -> str | None:
    """What came out otherwise than expected; None if nothing did."""
    wanted = {name: result for result in OPEN_RESULTS for name in expect.get(result, ())}
    results = {outcome.rule.id: outcome.result for outcome in told.outcomes}
    if gone := sorted(set(wanted) - set(results)):
        return f"there is no rule {gone[0]}"
    default = expect.get("others", "pass")
    numbers = {outcome.rule.id: number_text(outcome.decisive) for outcome in told.outcomes}
    wrong = [
        f"{rule}: {result}, not {wanted.get(rule, default)}: {numbers[rule]}"
        for rule, result in results.items()
        if result != wanted.get(rule, default) and not (rule not in wanted and default == "any")
    ]
    if told.exit_code != expect["exit"]:
        wrong.insert(0, f"exit code {told.exit_code} ({told.headline}), not {expect['exit']}")
    return "; ".join(wrong) or None
