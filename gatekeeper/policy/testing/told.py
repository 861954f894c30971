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

from gatekeeper import catalog
from gatekeeper.analysis.intervals import tango, wilson
from gatekeeper.policy.decide_rules import CONFIDENCE, decide
from gatekeeper.policy.evaluate import result_of
from gatekeeper.policy.limit_check import outside
from gatekeeper.policy.regression import OUTCOME_OF, together
from gatekeeper.policy.subjects import expand
from gatekeeper.policy.testing.blank import blank_evidence
from gatekeeper.policy.waivers import apply_waivers
from gatekeeper.records.finding import PARTS, Finding, Interval, Missing, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import EvidenceNeeds, Policy, Rule
from gatekeeper.records.verdict import EXIT_CODES, Requirement, RuleOutcome, headline_of

#: Checkpoint that told evidence is of, unless a case names one.
CHECKPOINT = "sha256:" + "0" * 64
_UNTOLD = "the test tells no number"
#: `Metric.counts` of a difference between two differences: no count of prompts tells its interval.
_NO_COUNT = "differences"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """What a metric is told to answer: a count, a value with or without its interval, or nothing.

    Attributes:
        count, won: prompts counted, of `n`, and, of a drop, those that turned the other way.
        value: in the unit of the metric; of `n` prompts where no interval is told.
        low, high: ends of the interval, the same at any confidence.
        before: the baseline's number, of which this is then the change for the worse.
        early: whether it is of a run that stopped early.
        missing: why there is no number.
    """

    count: float | None = None
    won: float = 0.0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    before: Number | None = None
    early: bool = False
    missing: str | None = None


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
    decided = decide(blank_evidence(), policy, pairs, CONFIDENCE, advise=False)
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
    (outcome,) = decide(blank_evidence(), policy, [pair], CONFIDENCE, advise=False)
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
    word = f"{subject.dimension or ''}{parts}"
    return replace(subject, each=None, category=None, language=None, dimension=word)


def metric_of(name: str, *, regression: bool) -> Metric:
    """A metric, or the one that answers by how much its number is worse than a baseline's."""
    metric: Metric = catalog.load("metric", name)
    if not regression:
        return metric
    return replace(metric, unit="points", counts="pairs" if name in OUTCOME_OF else _NO_COUNT)


def finding(
    metric: Metric, subject: Subject, number: Number | None, confidence: float
) -> Finding | Missing:
    """A told number as the metric would give it: Wilson's interval of a rate, Tango's of a drop."""
    if number is None or number.missing is not None:
        reason = _UNTOLD if number is None else str(number.missing)
        return Missing(metric=metric.id, version=metric.version, subject=subject, reason=reason)
    if number.before is not None:
        return _worse(metric, subject, number, number.before, confidence)
    value, interval, counts = _measured(metric, number, confidence)
    if number.early:
        counts = {**counts, "planned": max(1, number.n)}
    return Finding(
        metric=metric.id,
        version=metric.version,
        subject=subject,
        value=value,
        unit=metric.unit,
        interval=interval,
        n=max(1, number.n),
        clusters=max(1, number.n),
        counts=counts,
    )


def _worse(
    metric: Metric, subject: Subject, number: Number, before: Number, confidence: float
) -> Finding | Missing:
    """By how much a told number is worse than its baseline's, as of other prompts than that."""
    own: Metric = catalog.load("metric", metric.id)
    now = finding(own, subject, replace(number, before=None), confidence)
    then = finding(own, subject, before, confidence)
    if isinstance(now, Missing) or isinstance(then, Missing):
        return now if isinstance(now, Missing) else then
    sign = 1.0 if own.more_is_worse(subject) else -1.0
    value, interval = sign * (now.value - then.value), together(now, then, sign)
    return replace(now, value=value, unit=metric.unit, interval=interval, counts={})


def _measured(
    metric: Metric, number: Number, confidence: float
) -> tuple[float, Interval, dict[str, float]]:
    """Value, interval and counts of a told number."""
    if number.low is not None or number.high is not None or not counted(metric):
        return _as_told(number, confidence)
    lost = number.count
    if lost is None:
        share = (number.value or 0.0) / 100 * number.n
        lost, won = max(share, 0.0), max(-share, 0.0)
    else:
        won = number.won
    if is_paired(metric):
        interval, counts = tango(lost, won, number.n, confidence), {"lost": lost, "won": won}
    else:
        interval, counts = wilson(lost, number.n, confidence), {}
    value = 100 * (lost - won) / number.n
    scaled = replace(interval, low=100 * interval.low, high=100 * interval.high)
    return value, scaled, counts


def _as_told(number: Number, confidence: float) -> tuple[float, Interval, dict[str, float]]:
    ends = [end for end in (number.low, number.high, number.value) if end is not None]
    low = min(ends) if number.low is None else number.low
    high = max(ends) if number.high is None else number.high
    value = (low + high) / 2 if number.value is None else number.value
    return value, Interval(low=low, high=high, confidence=confidence, method="as told"), {}


def counted(metric: Metric) -> bool:
    """Whether a number of it is a share of prompts, so that a count tells its interval."""
    return metric.unit in {"%", "points"} and metric.counts != _NO_COUNT


def is_paired(metric: Metric) -> bool:
    """Whether it is a difference between two replies to the same prompt."""
    return metric.unit == "points" and metric.counts != "shares"
