"""The refusal curve: selected masks, random controls, the policy's limit."""

from __future__ import annotations

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.records.policy import Rule
from gatekeeper.records.verdict import RESULTS, RuleOutcome, Verdict
from gatekeeper.report.curve_parts import ControlPoint, Curve, CurveRow, CurveSeries, LimitStep
from gatekeeper.report.measured import Outcomes, controls, find, rate
from gatekeeper.report.modes import own_mode

#: Metrics that measure refusals lost under a mask.
MASKING = ("refusal-drop", "refusal-drop-excess", "gross-refusal-loss")
#: Metrics that can have a mask as their subject, in the order the report prefers them.
_MASKED = (*MASKING, "refusal-rate")


def build_curve(evidence: Evidence, verdict: Verdict, outcomes: Outcomes) -> Curve | None:
    """The curve, or None if the unmasked rate or all masked rates are missing."""
    unmasked = rate(evidence, "regular")
    series = _series(evidence)
    if unmasked is None or not series:
        return None
    # Rules speak of reroute: they say nothing of masks that do something else.
    judged = verdict.outcomes if own_mode(evidence.settings) is None else ()
    worst, k, rule = _headline(judged, series)
    points = controls(evidence, outcomes, worst)
    by_k = {p.k: p for p in points}
    shown = next(s for s in series if s.selector == worst).points
    return Curve(
        unmasked=unmasked,
        worst=worst,
        k=k,
        rule=rule,
        series=series,
        controls=points,
        limits=_limits(judged, unmasked),
        rows=tuple(_row(evidence, point, by_k.get(point.subject.k or 0)) for point in shown),
        beside=tuple(
            _row(evidence, point, None)
            for other in _series_of(evidence, _beside(evidence))
            for point in other.points
        ),
    )


def _beside(evidence: Evidence) -> tuple[str, ...]:
    """What the masks beside the selected ones follow, in the order in which they were run."""
    return tuple(dict.fromkeys(m.selector or "" for m in evidence.masks if m.arm == "beside"))


def _series(evidence: Evidence) -> tuple[CurveSeries, ...]:
    return _series_of(evidence, tuple(sorted(evidence.settings.selectors)))


def _series_of(evidence: Evidence, names: tuple[str, ...]) -> tuple[CurveSeries, ...]:
    """Refusal rates under the masks that follow each of the names, where there are any."""
    rates: dict[str, list[Finding]] = {}
    for finding in evidence.findings:
        at = finding.subject
        if (
            isinstance(finding, Finding)
            and finding.metric == "refusal-rate"
            and (at.set, at.mask) == ("regular", "selected")
            and at.selector in names
            and at.k
            and at.mode == own_mode(evidence.settings)
        ):
            rates.setdefault(at.selector, []).append(finding)
    return tuple(
        CurveSeries(selector=s, points=tuple(sorted(rates[s], key=lambda f: f.subject.k or 0)))
        for s in names
        if s in rates
    )


def _headline(
    outcomes: tuple[RuleOutcome, ...], series: tuple[CurveSeries, ...]
) -> tuple[str, int, str]:
    """The selector and mask size to speak of: where the verdict turned, else the lowest rate.

    Third the rule that found this mask the worst of several that it asks about, if one did.
    """
    masking = sorted((o for o in outcomes if o.rule.metric in _MASKED), key=_telling)
    known = {(s.selector, p.subject.k): p for s in series for p in s.points}
    for outcome in masking:
        at = outcome.decisive.subject
        if at.selector and at.k and (at.selector, at.k) in known:
            return at.selector, at.k, outcome.rule.id if _lost_most(outcome) else ""
    asked = {o.decisive.subject.k for o in masking}
    ks = {k for _, k in known if k and k in asked}
    k = max(ks or {k for _, k in known if k})
    lowest = min((p.value, selector) for (selector, size), p in known.items() if size == k)
    return lowest[1], k, ""


def _lost_most(outcome: RuleOutcome) -> bool:
    """Whether the number that decided is the largest loss of several that a rule asks about."""
    decisive, largest = outcome.decisive, outcome.largest
    several = bool(outcome.others) and outcome.rule.metric in MASKING
    return several and largest is not None and largest.subject == decisive.subject


def _telling(outcome: RuleOutcome) -> tuple[int, bool, bool, int, int]:
    """Sorts the outcome to speak of first: the worst, and among passes that of the largest mask."""
    rule, subject = outcome.rule, outcome.decisive.subject
    return (
        -RESULTS.index(outcome.result),
        rule.severity != "block",
        not _regular(subject),
        _MASKED.index(rule.metric),
        -(subject.k or 0) if outcome.result == "pass" else 0,
    )


def _limits(outcomes: tuple[RuleOutcome, ...], unmasked: Finding) -> tuple[LimitStep, ...]:
    """Per mask size the refusal rate at which a rule fails: a blocking rule's, the strictest."""
    steps: dict[int, tuple[tuple[bool, float], LimitStep]] = {}
    for rule in (outcome.rule for outcome in outcomes):
        level = _level(rule, unmasked)
        if level is None:
            continue
        strictness = (rule.severity == "block", level)
        for k in {s.k for s in rule.subjects if s.k and _regular(s)}:
            if k not in steps or strictness > steps[k][0]:
                steps[k] = (strictness, LimitStep(k=k, level=level, rule=rule.id))
    return tuple(steps[k][1] for k in sorted(steps))


def _regular(subject: Subject) -> bool:
    return subject.set in {None, "regular"} and subject.mask in {None, "selected"}


def _level(rule: Rule, unmasked: Finding) -> float | None:
    if rule.regression:
        return None
    if rule.metric == "refusal-drop" and rule.maximum is not None:
        return unmasked.value - rule.maximum
    if rule.metric == "refusal-rate" and rule.minimum is not None:
        return rule.minimum
    return None


def _row(evidence: Evidence, point: Finding, controls: ControlPoint | None) -> CurveRow:
    selector, k = point.subject.selector or "", point.subject.k or 0
    drop, excess, broken = (
        find(evidence, metric, selector=selector, k=k)
        for metric in ("refusal-drop", "refusal-drop-excess", "refusals-broken")
    )
    return CurveRow(
        selector=selector,
        k=k,
        rate=point,
        drop=drop,
        excess=excess,
        broken=broken,
        controls=controls,
    )
