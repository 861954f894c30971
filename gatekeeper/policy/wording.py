"""Findings, limits and rules in plain words, the same for every metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.errors import REASON, excerpt
from gatekeeper.policy.subjects import is_masked
from gatekeeper.records.finding import PARTS, Finding, Missing, Opinion, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Rule

_MOST_DECIMALS = 4
#: In an explanation: why nothing is claimed, however many prompts.
BELOW_NOISE = "below the noise floor"
#: Likewise.
UNDECIDED_REPLIES = "replies undecided, cut too early or hidden between marks may put it beyond"
SECOND_DIFFERS = "by the second judge it lies on the other side"


def subject_sentence(
    metric: Metric, subject: Subject, selectors: Sequence[str] = (), sizes: Sequence[int | str] = ()
) -> str:
    """The metric's sentence about one subject, without a full stop.

    Args:
        selectors: stand in for a masked subject that names none.
        sizes: mask sizes to name instead of the subject's, where it stands for several.
    """
    sizes = sizes or [subject.k or 0]
    selector = subject.selector or one_of(selectors) or "the selector"
    words = {
        "k": one_of([str(size) for size in sizes]),
        "mode": subject.mode or "",
        "set": (subject.set or "").replace("_", "-"),
        "mask": subject.mask or "none",
        "selector": selector,
        "loss": f"{subject.loss or 0:g}",
        "dimension": subject.dimension or "every kind",
    }
    text = metric.sentence.format_map(words)
    if "mask" in metric.parameters:
        # Sentences of rates speak of the model; which experts it lacks is the subject's business.
        if is_masked(metric, subject):
            text += f" with the {words['k']} experts ranked highest by {selector} masked"
        else:
            text += " without a mask"
    text = " ".join((text + _part(subject)).split())
    return _singular(text) if list(sizes) == [1] else text


def _part(subject: Subject) -> str:
    """Of which prompts alone, if not of all of the set."""
    if subject.each is not None:
        return f", in each {subject.each} of prompts alone"
    named = [f"{of} {excerpt(getattr(subject, of))}" for of in PARTS if getattr(subject, of)]
    return f", among prompts of the {' and the '.join(named)}" if named else ""


def _singular(text: str) -> str:
    """Metrics write their sentence in the plural."""
    text = text.replace("the 1 experts", "the one expert")
    text = text.replace("at most 1 experts", "one expert")
    return text.replace(" are masked", " is masked")


def one_of(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def rounded(value: float, decimals: int) -> str:
    """A number as people read it; what rounds to zero has no sign."""
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def limit_text(rule: Rule) -> str:
    """`at most 10 points`."""
    if rule.regression:
        return f"at most {rule.maximum or 0:g} {rule.unit} worse than the baseline's"
    if rule.maximum is not None and rule.minimum is not None:
        return f"between {rule.minimum:g} and {rule.maximum:g} {rule.unit}"
    if rule.maximum is not None:
        return f"at most {rule.maximum:g} {rule.unit}"
    if rule.minimum is not None:
        return f"at least {rule.minimum:g} {rule.unit}"
    return "not set"


def finding_text(finding: Finding, rule: Rule) -> str:
    """`96.0 points (95 % interval 90.2 to 98.4, n = 100)`."""
    low, high = finding.interval.low, finding.interval.high
    digits = _decimals((finding.value, low, high), rule)
    value = f"{rounded(finding.value, digits)} {finding.unit}"
    if finding.whole:
        return f"{value} (all asked, n = {finding.n}{_seeds(finding)})"
    raw, correction = finding.counts.get("raw"), ""
    if raw is not None:
        correction = f"; corrected by the judge's card, {rounded(raw, digits)} as judged"
    return (
        f"{value} ({100 * finding.interval.confidence:g} % interval "
        f"{rounded(low, digits)} to {rounded(high, digits)}, n = {finding.n}"
        f"{_seeds(finding)}{correction})"
    )


def _second_text(second: Opinion, finding: Finding, rule: Rule) -> str:
    """`14.2 points (95 % interval 6.0 to 22.4, n = 31 replies judged twice)`."""
    low, high = second.interval.low, second.interval.high
    digits = _decimals((second.value, low, high), rule)
    value = f"{rounded(second.value, digits)} {finding.unit}"
    if second.whole:
        return f"{value} (all asked, n = {second.n} replies judged twice)"
    return (
        f"{value} ({100 * second.interval.confidence:g} % interval {rounded(low, digits)} to "
        f"{rounded(high, digits)}, n = {second.n} replies judged twice)"
    )


def _seeds(finding: Finding) -> str:
    """Words behind n where prompts share seeds, or where a run stopped early."""
    planned = f" of {finding.counts['planned']:g}" if "planned" in finding.counts else ""
    seeds = f" from {finding.clusters} seeds" if finding.clusters < finding.n else ""
    return planned + seeds


def _decimals(numbers: Sequence[float], rule: Rule) -> int:
    """Enough decimals that no number beside the limit is printed as the limit."""
    limits = {rule.maximum, rule.minimum} - {None}
    for digits in range(1, _MOST_DECIMALS):
        if all(x in limits or round(x, digits) not in limits for x in numbers):
            return digits
    return _MOST_DECIMALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Numbers of which one may lie outside by chance, and the confidence that a fail then takes."""

    limits: int
    confidence: float


def _level(confidence: float) -> str:
    """A level of confidence in percent, which must not be rounded up to 100."""
    return f"{math.floor(1e4 * confidence + 1e-6) / 100:g}"


def explanation(
    metric: Metric,
    rule: Rule,
    result: str,
    decisive: Finding | Missing,
    subjects: int,
    *,
    largest: bool = True,
    crowd: Crowd | None = None,
    noise: float | None = None,
    second: Opinion | None = None,
    undecided: int = 0,
) -> str:
    """One sentence on how a rule came out, with its numbers.

    Args:
        subjects: how many the rule asks about.
        largest: whether no other of them has a worse value than the one that decided.
        crowd: what it would have had to stand beside, if only that kept it from a fail.
        noise: points that flip without a mask, if the limit lies below them.
        second: the second judge's number, if it lies on the other side of the limit.
        undecided: replies that no judge could tell, if they could move it across the limit.
    """
    about = subject_sentence(metric, decisive.subject)
    about = capital(f"{about}, against the baseline" if rule.regression else about)
    if isinstance(decisive, Missing):
        return f"{about}: could not be measured: {excerpt(decisive.reason, REASON)}."
    worst = ", worst of" if largest else ", which decides among"
    worst = f"{worst} {subjects}" if subjects > 1 else ""
    limit = f"the limit is {limit_text(rule)}"
    if noise is not None:
        limit += f", {BELOW_NOISE}: {noise:.1f} % of outcomes flip without any mask"
    elif second is not None:
        limit += f", and {SECOND_DIFFERS}: {_second_text(second, decisive, rule)}"
    elif undecided:
        limit += f", and {UNDECIDED_REPLIES} ({undecided} of all replies)"
    elif rule.bound == "estimate":
        limit += ", held against the estimate alone"
    elif crowd is not None:
        limit += (
            f", broken at {100 * decisive.interval.confidence:g} % but not at the "
            f"{_level(crowd.confidence)} % that a fail takes among {crowd.limits} numbers held "
            "against limits"
        )
    elif result == "inconclusive":
        limit += ", too near to tell on which side the number lies"
    return f"{about}: {finding_text(decisive, rule)}{worst}; {limit}."


def capital(text: str) -> str:
    """First letter large, the rest as it is."""
    return text[:1].upper() + text[1:]
