"""One subject of a rule held against its limit, at one level of confidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from gatekeeper.analysis.population import method_about
from gatekeeper.analysis.power import design_of, tail_p
from gatekeeper.evidence.wire_findings import finding_from_json, finding_to_json
from gatekeeper.policy.carded import corrected
from gatekeeper.policy.questions import (
    by_category,
    measured,
    noise_floor,
    part_of,
    too_few_categories,
)
from gatekeeper.policy.recalled import bare_rule, recalled
from gatekeeper.policy.regression import regression
from gatekeeper.policy.second_judge import contradiction, contradicts, second_number
from gatekeeper.policy.undecided import open_replies, told_otherwise
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Opinion, Subject
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Rule

#: In units of the metric. A share times 100 misses a whole limit by some 1e-14; no audit has the
#: 1e10 prompts at which two different rates would be this near to each other.
TOLERANCE = 1e-9
#: Rounding that a metric's own arithmetic may bring in: of a value in its interval.
_SLACK = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What all subjects of a rule are held against: evidence, metric and the judge's card.

    Attributes:
        card: of the judge, if the policy demands one: the worse of raw and corrected then counts.
        baseline: of an earlier release, for a rule on how much worse a number may become.
    """

    evidence: Evidence
    rule: Rule
    metric: Metric
    card: JudgeCard | None = None
    baseline: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCheck:
    """One subject of a rule held against its limit: where its interval lies, and how near.

    Attributes:
        result: `pass`, `beyond` if the whole interval lies outside the limit, or `inconclusive`;
            of a rule that holds the estimate alone also `fail`.
        margin: distance of the interval's nearer end to the limit; negative outside.
        noise: outcomes that flip without a mask, in points, if the limit lies below them.
        second: the second judge's number, if it lies on the other side of the limit.
        undecided: replies that no judge could tell, or that were cut too early, if they could move
            the number across the limit.
    """

    ask: Question
    finding: Finding | Missing
    result: str
    margin: float
    noise: float | None = None
    second: Opinion | None = None
    undecided: int = 0


def hold(ask: Question, subject: Subject, confidence: float) -> LimitCheck:
    """Holds a subject's interval at `confidence` against the limit of its rule.

    Nothing is claimed of what is below the noise, of what a second judge sees otherwise, nor of
    what undecided replies could change; nothing passes that replies cut too early could change.
    """
    check = _hold(ask, subject, confidence)
    if check.result == "inconclusive":
        return check
    passes = check.result == "pass"
    results = _results_otherwise(ask, subject, confidence, cut=passes)
    if all(result == check.result for result in results):
        return check
    return replace(
        check, result="inconclusive", margin=-math.inf, undecided=open_replies(ask.evidence)
    )


def _results_otherwise(
    ask: Question, subject: Subject, confidence: float, *, cut: bool
) -> Iterator[str]:
    """What holding the limit comes to with open replies told in each way."""
    rule = ask.rule
    if rule.regression or ask.card is not None:
        for variant in _asked_otherwise(ask, subject, cut=cut):
            yield _hold(variant, subject, confidence).result
        return
    about = ask.evidence, ask.metric, subject, confidence, cut
    for reading in _readings(*about, rule.unit, rule.bound, rule.interval):
        yield "inconclusive" if reading is None else _held(rule, ask.metric, reading)[0]


class Reading(NamedTuple):
    """All of a number that a limit can be held against.

    Attributes:
        noise: outcomes that flip without a mask, in points.
        second: the second judge's number; None where it has none.
    """

    value: float
    low: float
    high: float
    noise: float
    second: float | None


def _from_json(data: Iterable[Sequence[Any] | None]) -> list[Reading | None]:
    return [None if one is None else Reading(*one) for one in data]


@recalled("readings", list, _from_json)
def _readings(
    evidence: Evidence, metric: Metric, subject: Subject, confidence: float, cut: bool,
    unit: str, bound: str, interval: str,
) -> list[Reading | None]:  # fmt: skip
    """All that a number may be with open replies told in each way; None where it is missing."""
    rule = bare_rule(metric.id, unit=unit, bound=bound, interval=interval)
    asks = _asked_otherwise(Question(evidence=evidence, rule=rule, metric=metric), subject, cut=cut)
    found = ((ask, measure(ask, subject, confidence)) for ask in asks)
    readings = (None if isinstance(f, Missing) else _reading(ask, subject, f) for ask, f in found)
    return list(dict.fromkeys(readings))  # many ways come to the same


def _reading(ask: Question, subject: Subject, finding: Finding) -> Reading:
    second = second_number(ask.evidence, ask.rule, ask.metric, finding, ask.baseline)
    return Reading(
        value=float(finding.value),
        low=float(finding.interval.low),
        high=float(finding.interval.high),
        noise=100 * float(noise_floor(ask.evidence, subject.set or "regular")),
        second=None if second is None else float(second.value),
    )


def _held(rule: Rule, metric: Metric, number: Reading) -> tuple[str, float]:
    """What holding a number against the limit comes to, and its margin."""
    noisy = is_change(metric) and rule.maximum is not None and number.noise > rule.maximum
    if noisy or (number.second is not None and contradicts(rule, number.value, number.second)):
        return "inconclusive", -math.inf
    low, high = number.low, number.high
    if rule.bound == "estimate":
        low = high = number.value
    margin = _margin(rule, low, high)
    if margin >= -TOLERANCE:
        return "pass", margin
    if rule.bound == "estimate":
        return "fail", margin
    return ("beyond" if _beyond(rule, low, high) else "inconclusive"), margin


def _asked_otherwise(ask: Question, subject: Subject, *, cut: bool) -> Iterator[Question]:
    """The same asked of the evidence, and of its baseline, with open replies told in each way."""

    def told(evidence: Evidence) -> tuple[Evidence, ...]:
        return tuple(told_otherwise(evidence, ask.metric, subject, cut=cut))

    baseline = ask.baseline if ask.rule.regression else None
    before = [ask.baseline, *(told(baseline) if baseline is not None else ())]
    # The card is of one checkpoint: what it says of a change must hold as judged, too.
    cards = (ask.card, None) if ask.rule.regression and ask.card is not None else (ask.card,)
    ways = product((ask.evidence, *told(ask.evidence)), before, cards)
    next(ways)  # as they are
    rule, metric = ask.rule, ask.metric
    # Not `replace`, which takes as long as what is asked.
    return (
        Question(evidence=now, rule=rule, metric=metric, card=card, baseline=then)
        for now, then, card in ways
    )


def _hold(ask: Question, subject: Subject, confidence: float) -> LimitCheck:
    """Holds the interval against the limit with undecided replies as they are."""
    rule = ask.rule
    finding = measure(ask, subject, confidence)
    if isinstance(finding, Missing):
        return LimitCheck(ask=ask, finding=finding, result="inconclusive", margin=-math.inf)
    number = _reading(ask, subject, finding)
    result, margin = _held(rule, ask.metric, number)
    check = LimitCheck(ask=ask, finding=finding, result=result, margin=margin)
    if result != "inconclusive" or margin > -math.inf:
        return check
    if is_change(ask.metric) and rule.maximum is not None and number.noise > rule.maximum:
        return replace(check, noise=number.noise)
    second = contradiction(ask.evidence, rule, ask.metric, finding, ask.baseline)
    return replace(check, second=second)


def is_change(metric: Metric) -> bool:
    """Whether it counts what differs between replies with and without a mask: noise does too."""
    masked = metric.split == "measurement" and "k" in metric.required
    return metric.unit == "points" or (metric.unit == "%" and masked)


def stands(check: LimitCheck, confidence: float) -> bool:
    """Whether the interval at `confidence` lies wholly outside the limit as well.

    As well, because a resampled interval at a higher level need not contain that at a lower one.
    Where counts allow it, the exact tail at the limit must be small too, one-sided: at such levels
    Wilson's interval is short of what it promises.
    """
    if check.result != "beyond":
        return False
    ask, rule, subject = check.ask, check.ask.rule, check.finding.subject
    if not _stands(rule, measure(ask, subject, confidence)):
        return False
    if rule.regression or ask.card is not None:
        asks = _asked_otherwise(ask, subject, cut=False)
        return all(_stands(rule, measure(one, subject, confidence)) for one in asks)
    about = ask.evidence, ask.metric, subject, confidence
    others = _otherwise(*about, rule.unit, rule.bound, rule.interval)
    return all(_stands(rule, finding) for finding in others)


@recalled("measured otherwise", lambda found: list(map(finding_to_json, found)),
          lambda data: list(map(finding_from_json, data)))  # fmt: skip
def _otherwise(
    evidence: Evidence, metric: Metric, subject: Subject, confidence: float,
    unit: str, bound: str, interval: str,
) -> list[Finding | Missing]:  # fmt: skip
    """All other that a number is with undecided replies told in each way."""
    rule = bare_rule(metric.id, unit=unit, bound=bound, interval=interval)
    asked = Question(evidence=evidence, rule=rule, metric=metric)
    found: list[Finding | Missing] = []
    for ask in (asked, *_asked_otherwise(asked, subject, cut=False)):
        one = measure(ask, subject, confidence)
        if one not in found:  # many ways come to the same
            found.append(one)
    return found[1:]


def _stands(rule: Rule, finding: Finding | Missing) -> bool:
    if isinstance(finding, Missing) or not outside(rule, finding.interval):
        return False
    upper = rule.maximum is not None
    limit = rule.maximum if upper else rule.minimum
    design = None if limit is None else design_of(finding, limit, upper=upper)
    if design is None or design.n < 1:
        return True
    share = finding.value / 100
    if not upper:
        share = 1 - share if design.won is None else -share
    return tail_p(design, share) <= 1 - finding.interval.confidence + TOLERANCE


def _margin(rule: Rule, low: float, high: float) -> float:
    """Room left to the limit; none for a rule made by hand with no limit, or with two."""
    if rule.maximum is not None and rule.minimum is None:
        return rule.maximum - high
    if rule.minimum is not None and rule.maximum is None:
        return low - rule.minimum
    return -math.inf


def outside(rule: Rule, interval: Interval) -> bool:
    """Whether the whole interval is beyond the limit."""
    return _beyond(rule, interval.low, interval.high)


def _beyond(rule: Rule, low: float, high: float) -> bool:
    if rule.maximum is not None:
        return low > rule.maximum + TOLERANCE
    return rule.minimum is not None and high < rule.minimum - TOLERANCE


def measure(ask: Question, subject: Subject, confidence: float) -> Finding | Missing:
    """What the metric says; by the judge's card if that is worse, where the policy demands one."""
    raw = _measure(ask, subject, confidence)
    if ask.card is None or isinstance(raw, Missing):
        return raw
    if ask.rule.regression:
        correct = partial(corrected, ask.evidence, ask.card)
        fixed = _measure(ask, subject, confidence, correct)
    else:
        population = ask.rule.interval == "population"
        evidence = by_category(ask.evidence) if population else ask.evidence
        fixed = corrected(evidence, ask.card, raw)
    return fixed if isinstance(fixed, Missing) else max((raw, fixed), key=partial(_bad, ask.rule))


def _bad(rule: Rule, finding: Finding) -> tuple[bool, float]:
    """Sorts numbers by how bad they are for a rule: outside its limit, then by the nearer end."""
    if rule.bound == "estimate":
        low = high = finding.value
    else:
        low, high = finding.interval.low, finding.interval.high
    return outside(rule, finding.interval), high if rule.maximum is not None else -low


def _measure(
    ask: Question,
    subject: Subject,
    confidence: float,
    correct: Callable[[Finding], Finding | Missing] | None = None,
) -> Finding | Missing:
    """What the metric says, if it makes sense; a broken number is missing, not a number."""
    metric = ask.metric
    if ask.rule.regression:
        finding = regression(metric, ask.evidence, ask.baseline, subject, confidence, correct)
    elif ask.rule.interval == "suite":
        finding = measured(ask.evidence, metric, subject, confidence)
    else:
        finding = _of_population(ask, subject, confidence)
    if isinstance(finding, Missing):
        return finding
    reason = _nonsense(finding, ask.rule, confidence)
    if ask.rule.bound == "estimate" and "planned" in finding.counts:
        # At some look an estimate lies on the right side far more often than at the end.
        reason = "the mask's run stopped early, and a limit on the estimate takes the whole set"
    if reason is None:
        return finding
    return Missing(metric=metric.id, version=metric.version, subject=subject, reason=reason)


def _of_population(ask: Question, subject: Subject, confidence: float) -> Finding | Missing:
    """What the metric says of the population of categories that the suite's are a sample of."""
    metric = ask.metric

    def missing(reason: str) -> Missing:
        return Missing(metric=metric.id, version=metric.version, subject=subject, reason=reason)

    if ask.rule.interval != "population":
        return missing("the rule wants an interval of a kind that this Gatekeeper does not know")
    if metric.split == "selection" or not metric.population:
        return missing("the metric has no interval about a population of categories")
    part = part_of(ask.evidence, subject)
    if isinstance(part, str):
        return missing(part)
    evidence = by_category(part)
    few = too_few_categories(evidence, subject.set or "regular")
    finding = missing(few) if few else measured(evidence, metric, subject, confidence)
    if isinstance(finding, Missing):
        return finding
    if "planned" in finding.counts:
        return missing("the mask's run stopped early, and categories are those of the whole set")
    method = method_about(finding.interval.method)
    return replace(finding, interval=replace(finding.interval, method=method))


def _nonsense(finding: Finding, rule: Rule, confidence: float) -> str | None:
    interval = finding.interval
    numbers = [finding.value, interval.low, interval.high, interval.confidence]
    numbers += [*finding.counts.values(), finding.p_value or 0.0]
    if not all(map(math.isfinite, numbers)):
        return "the metric gave a number that is not finite"
    if not interval.low - _SLACK <= finding.value <= interval.high + _SLACK:
        return "the metric gave a value outside its own interval"
    if finding.n < 1:
        return "the metric counted no prompts"
    if finding.unit != rule.unit:
        return f"the metric answered in {finding.unit}, the limit is in {rule.unit}"
    if interval.confidence < confidence - TOLERANCE:
        return "the metric gave a narrower interval than asked for"
    return None
