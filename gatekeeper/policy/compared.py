"""Holds an audit beside that of the last release, rule by rule, and their policies beside each
other: pure, and all of it from evidence, verdict and policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC

from gatekeeper import catalog
from gatekeeper.analysis.folds import views
from gatekeeper.analysis.overlap import between
from gatekeeper.policy.decide_rules import CONFIDENCE, decide
from gatekeeper.policy.diff.compare import compare
from gatekeeper.policy.questions import measured
from gatekeeper.policy.regression import ALIKE, METHOD, regression, together, unlike
from gatekeeper.records.compared import (
    Compared,
    Difference,
    Number,
    PolicyPart,
    PolicyThen,
    RuleChange,
    SharedExperts,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import RuleOutcome, Verdict

#: Said of a change that no prompt answers for by itself.
UNPAIRED = "unpaired: of both intervals"
OTHER_SUBJECT = "unpaired: the worst of each, about other masks or prompts"


def compare_release(
    evidence: Evidence,
    verdict: Verdict,
    policy: Policy,
    baseline: Evidence,
    verdict_then: Verdict | None,
    policy_then: Policy | None,
) -> Compared:
    """An audit and its verdict beside the evidence of the last release.

    Args:
        verdict_then, policy_then: that lie beside the baseline; None where none do.
    """
    times = baseline.times
    return Compared(
        evidence=baseline.digest,
        checkpoint=baseline.checkpoint.digest,
        model=baseline.checkpoint.source,
        finished="" if times is None else times.finished.astimezone(UTC).date().isoformat(),
        headline=None if verdict_then is None else verdict_then.headline,
        judged_on=None if verdict_then is None else verdict_then.judged_on.isoformat(),
        rules=tuple(_rules(evidence, verdict, policy, baseline)),
        differences=tuple(_differences(evidence, baseline)),
        shared=tuple(_shared(evidence, baseline)),
        policy=None if policy_then is None else _policy(policy_then, policy, verdict),
    )


def _rules(
    evidence: Evidence, verdict: Verdict, policy: Policy, baseline: Evidence
) -> Iterator[RuleChange]:
    sized = policy.sized(baseline.model.maskable_experts)
    metrics = [(rule, catalog.load("metric", rule.metric)) for rule in sized.rules]
    held = decide(baseline, sized, metrics, CONFIDENCE, advise=False)
    for now, then, (_, metric) in zip(verdict.outcomes, held, metrics, strict=True):
        ask = _of_regression if now.rule.regression else _of_numbers
        yield ask(evidence, baseline, metric, now, then)


def _of_numbers(
    evidence: Evidence, baseline: Evidence, metric: Metric, now: RuleOutcome, then: RuleOutcome
) -> RuleChange:
    """The worst number then and now, and how far they are apart."""
    a, b = then.largest, now.largest
    change, paired, why = None, False, ""
    if other := unlike(evidence, baseline):
        why = other
    elif b is None:
        why = _reason(now)
    elif a is None:
        why = f"of the baseline: {_reason(then)}"
    elif a.subject == b.subject:
        told = regression(metric, evidence, baseline, b.subject, CONFIDENCE)
        if isinstance(told, Missing):
            why = told.reason
        else:
            change = _difference(told, told.interval, b)
            paired = told.interval.method != METHOD
            why = "" if paired else UNPAIRED
    else:
        sign = 1.0 if metric.more_is_worse(b.subject) else -1.0
        apart = replace(b, value=sign * (b.value - a.value), n=min(a.n, b.n))
        change, why = _difference(apart, together(b, a, sign), b), OTHER_SUBJECT
    return RuleChange(
        rule=now.rule.id,
        then=None if a is None else _number(a),
        now=None if b is None else _number(b),
        then_result=then.result,
        now_result=now.result,
        change=change,
        paired=paired,
        why=why,
    )


def _of_regression(
    evidence: Evidence, baseline: Evidence, metric: Metric, now: RuleOutcome, _then: RuleOutcome
) -> RuleChange:
    """A rule on the change itself: its number is that change."""
    told = now.largest
    subject = (told or now.decisive).subject
    pair = [measured(one, metric, subject, CONFIDENCE) for one in (baseline, evidence)]
    then, here = (_number(one) if isinstance(one, Finding) else None for one in pair)
    paired = told is not None and told.interval.method != METHOD
    return RuleChange(
        rule=now.rule.id,
        then=then,
        now=here,
        then_result="none",
        now_result=now.result,
        change=None if told is None else _number(told),
        paired=paired,
        why=_reason(now) if told is None else "" if paired else UNPAIRED,
    )


def _reason(outcome: RuleOutcome) -> str:
    decisive = outcome.decisive
    return decisive.reason if isinstance(decisive, Missing) else ""


def _number(finding: Finding) -> Number:
    return Number(
        value=finding.value,
        low=finding.interval.low,
        high=finding.interval.high,
        confidence=finding.interval.confidence,
        unit=finding.unit,
        n=finding.n,
        whole=finding.whole,
    )


def _difference(finding: Finding, interval: Interval, of: Finding) -> Number:
    """A difference, in points where it is one of shares."""
    unit = "points" if of.unit in {"%", "points"} else of.unit
    return replace(_number(replace(finding, interval=interval)), unit=unit, whole=False)


def _differences(evidence: Evidence, baseline: Evidence) -> Iterator[Difference]:
    """Settings that were others then, those first that keep numbers from comparing."""
    now, then = _told(evidence), _told(baseline)
    names = sorted(now, key=lambda name: name not in ALIKE)
    for name in names:
        if then[name] != now[name]:
            yield Difference(name=name, then=then[name], now=now[name], bars=name in ALIKE)


def _told(evidence: Evidence) -> dict[str, str]:
    """What may differ between two audits, as text; digests in short."""
    settings, model = evidence.settings, evidence.model
    plain = {name: str(getattr(settings, name)) for name in ALIKE}
    shape = ", ".join(f"{site.layer}: {site.experts}/{site.top_k}" for site in model.sites)
    plain |= {
        "judge_version": f"{settings.judge} {settings.judge_version}",
        "judge_settings": ", ".join(f"{k}={v[:19]}" for k, v in sorted(
            settings.judge_settings.items())) or "-",
        "system_prompt_sha256": (settings.system_prompt_sha256 or "-")[:19],
        "dtype": settings.dtype,
        "suite": f"{evidence.suite.id} {evidence.suite.version}, {evidence.suite.digest[:19]}",
        "chat_template": settings.chat_template_sha256[:19],
        "selectors": ", ".join(sorted(settings.selectors)),
        "cross_fit": "yes" if settings.cross_fit else "no",
        "sequential": "no" if settings.sequential is None else "yes",
        # One that is derived is another for each checkpoint, and nobody chose it.
        "seed": str(settings.seed) if settings.seed_from is None else "derived",
        "shape": f"{model.architecture}, {len(model.sites)} layers"
        + (f", {shape}" if len(shape) <= 40 else ""),
    }  # fmt: skip
    return plain


def _shared(evidence: Evidence, baseline: Evidence) -> Iterator[SharedExperts]:
    """Overlap of the rankings, where the two models have the same experts."""
    experts = evidence.model.maskable_experts
    if evidence.model.sites != baseline.model.sites or not experts:
        return
    now, then = views(evidence), views(baseline)
    if len(now) != len(then):
        return
    for fold, (here, there) in enumerate(zip(now, then, strict=True), start=1):
        before = {selection.selector: selection for selection in there.selections}
        for selection in here.selections:
            if selection.selector in before:
                overlap = between(selection, before[selection.selector])
                yield SharedExperts(
                    ranking=selection.selector + (f" ({fold})" if len(now) > 1 else ""),
                    shared=overlap.shared,
                    size=overlap.size,
                    by_chance=overlap.size**2 / experts,
                )


def _policy(then: Policy, now: Policy, verdict: Verdict) -> PolicyThen:
    """What changed in the policy since, on the day of the verdict."""
    found = compare(then, now, verdict.judged_on)
    return PolicyThen(
        id=then.id,
        version=then.version,
        digest=then.digest,
        relation=found.relation,
        parts=tuple(
            PolicyPart(kind=p.kind, name=p.name, relation=p.relation, change=p.change)
            for p in found.parts
            if p.change
        ),
    )
