"""A verdict told in the language of a report.

A verdict is written in English, and what it says can be derived again word for word. A report in
another language says the same from the verdict's numbers; the sentences that have none to be made
from are told by `phrases`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.records.policy import Rule
from gatekeeper.records.verdict import Departure, Requirement, RuleOutcome, Verdict
from gatekeeper.report.advice import names
from gatekeeper.report.rules import limit_text, metric_title, subject_text
from gatekeeper.report.text import clean, one
from gatekeeper.report.wording import Wording

#: Characters of a need's finding, and of a reason, in the summary.
_DETAIL = 120


def retold(verdict: Verdict, words: Wording) -> Verdict:
    """The verdict in the language of a report: the same results, numbers and names."""
    say = words.sentences
    if say is None:
        return _singular(verdict)
    told = replace(
        verdict,
        requirements=tuple(
            Requirement(name=say.told(n.name), met=n.met, detail=say.told(n.detail))
            for n in verdict.requirements
        ),
        outcomes=tuple(_outcome(outcome, say) for outcome in verdict.outcomes),
        warnings=tuple(say.told(warning) for warning in verdict.warnings),
        departures=tuple(
            Departure(name=say.told(d.name), value=say.told(d.value), default=say.told(d.default))
            for d in verdict.departures
        ),
    )  # fmt: skip
    return replace(told, summary=_summary(told, say))


def _singular(verdict: Verdict) -> Verdict:
    """The verdict in its own language, `1 points` as `1 point`; itself where it has none."""
    told = replace(
        verdict,
        summary=one(verdict.summary),
        outcomes=tuple(replace(o, explanation=one(o.explanation)) for o in verdict.outcomes),
    )
    return verdict if told == verdict else told


def retold_findings(evidence: Evidence, words: Wording) -> Evidence:
    """The evidence with the reasons of what is missing in the language of a report."""
    if words.sentences is None:
        return evidence
    return replace(evidence, findings=tuple(_finding(f, words) for f in evidence.findings))


def _finding(finding: Finding | Missing, say: Wording) -> Finding | Missing:
    if isinstance(finding, Missing):
        return replace(finding, reason=say.told(finding.reason))
    return finding


def _outcome(outcome: RuleOutcome, say: Wording) -> RuleOutcome:
    told = replace(
        outcome,
        decisive=_finding(outcome.decisive, say),
        others=tuple(_finding(other, say) for other in outcome.others),
    )
    return replace(told, explanation=_explanation(told, say))


def _explanation(outcome: RuleOutcome, say: Wording) -> str:
    """How a rule came out, with its numbers; and the waiver that covers it."""
    rule, decisive = outcome.rule, outcome.decisive
    subject = subject_text(decisive.subject, say)
    about = say(
        "texts.regression" if rule.regression else "texts.about",
        title=metric_title(rule.metric, say),
        subject=subject or say("number.none"),
    )
    if isinstance(decisive, Missing):
        return say("texts.missing", about=about, reason=clean(decisive.reason, 200))
    limit = say(f"texts.limit.{_key(outcome)}", limit=limit_text(rule, say))
    line = say(
        "texts.line",
        about=about,
        estimate=say.estimate(decisive, _decimals(decisive, rule)),
        place=_place(outcome, say),
        limit=limit,
    )
    raw = decisive.counts.get("raw")
    if raw is not None:
        line += say("texts.corrected", raw=say.amount(raw, decisive.unit))
    return line + _waiver(outcome, say)


def _decimals(finding: Finding, rule: Rule) -> int:
    """Enough that neither the number nor an end of its interval is printed as the limit."""
    limits = {rule.maximum, rule.minimum} - {None}
    numbers = (finding.value, finding.interval.low, finding.interval.high)
    for decimals in (1, 2, 3):
        if all(x in limits or round(x, decimals) not in limits for x in numbers):
            return decimals
    return 4


def _key(outcome: RuleOutcome) -> str:
    """Why a rule came out as it did."""
    rule, decisive = outcome.rule, outcome.decisive
    if outcome.result != "inconclusive":
        return "estimate" if rule.bound == "estimate" else outcome.result
    if outcome.obstacle is not None:
        return outcome.obstacle
    above = rule.maximum is not None and decisive.interval.low > rule.maximum  # type: ignore[union-attr]
    below = rule.minimum is not None and decisive.interval.high < rule.minimum  # type: ignore[union-attr]
    return "crowd" if above or below else "inconclusive"


def _place(outcome: RuleOutcome, say: Wording) -> str:
    """Where the number stands among those that a rule asks about."""
    count, largest = 1 + len(outcome.others), outcome.largest
    if count == 1:
        return ""
    worst = isinstance(outcome.decisive, Finding) and largest is not None
    worst = worst and largest.value == outcome.decisive.value  # type: ignore[union-attr]
    return say("texts.worst" if worst else "texts.decides", count=count)


def _waiver(outcome: RuleOutcome, say: Wording) -> str:
    waiver = outcome.waiver
    if waiver is None:
        return ""
    approver = clean(waiver.approver, 80)
    if waiver.ticket:
        approver = say("texts.ticket", approver=approver, ticket=clean(waiver.ticket, 60))
    expires, reason = say.day(waiver.expires), clean(waiver.reason, 300)
    return say("texts.waiver", expires=expires, approver=approver, reason=reason)


def _summary(verdict: Verdict, say: Wording) -> str:
    """The verdict in one sentence: which rule, which number, which limit, what to do."""
    decision = say(f"decision.{verdict.headline}")
    return say("texts.headline", decision=decision, why=_why(verdict, say))


def _why(verdict: Verdict, say: Wording) -> str:
    if verdict.result == "pass":
        return say("texts.join").join(_passed(verdict, say))
    if verdict.headline == "inconclusive":
        unmet = [need for need in verdict.requirements if not need.met]
        if unmet:
            return say("texts.unmet", needs=_needs(unmet, say))
    blocking = [outcome for outcome in verdict.outcomes if verdict.blocks(outcome)]
    if not blocking:
        return say("texts.nothing")
    # One that failed before one that is open, and one that blocks before one that warns.
    first = min(blocking, key=lambda o: (o.result != "fail", not o.blocking))
    why = _number(first, say) + _more(verdict, first, say)
    if verdict.advises_remedy(first) and first.rule.remedy:
        why = say("texts.remedy", why=why, remedy=clean(first.rule.remedy, 300))
    return why


def _needs(unmet: list[Requirement], say: Wording) -> str:
    first = unmet[0]
    need = say("texts.need", name=clean(first.name, 60), detail=clean(first.detail, _DETAIL))
    return say("texts.unmet_more", need=need, count=len(unmet) - 1) if len(unmet) > 1 else need


def _number(outcome: RuleOutcome, say: Wording) -> str:
    rule, decisive = clean(outcome.rule.id, 80), outcome.decisive
    if isinstance(decisive, Missing):
        return say("texts.unmeasured", rule=rule, reason=clean(decisive.reason, _DETAIL))
    return say(
        "texts.number",
        title=metric_title(outcome.rule.metric, say),
        rule=rule,
        estimate=say.estimate(decisive, _decimals(decisive, outcome.rule)),
        subject=subject_text(decisive.subject, say) or say("number.none"),
        limit=limit_text(outcome.rule, say),
    )


def _more(verdict: Verdict, first: RuleOutcome, say: Wording) -> str:
    """How many other rules came out like the first one named; warning rules apart."""
    alike = Counter(
        outcome.rule.severity == "warn"
        for outcome in verdict.outcomes
        if outcome.result == first.result and outcome is not first
    )
    counts = [
        say(
            f"texts.more_{first.result}",
            severity=say(f"severity.{'warn' if warns else 'block'}"),
            count=alike[warns],
        )
        for warns in (False, True)
        if alike[warns]
    ]
    return say("texts.more", others=say.enumerate(counts)) if counts else ""


def _passed(verdict: Verdict, say: Wording) -> Iterator[str]:
    """What is waived, what holds, and which rules did not with a warning."""
    rules: dict[tuple[str, str], list[str]] = {}
    for outcome in verdict.waived:
        waiver = outcome.waiver
        terms = ("", "") if waiver is None else (say.day(waiver.expires), waiver.approver)
        rules.setdefault(terms, []).append(outcome.rule.id)
    for (expires, approver), ids in rules.items():
        yield say(
            "texts.waived" if approver else "texts.waived_unknown",
            rules=names(ids, say),
            expires=expires,
            approver=clean(approver, 80),
        )
    passed = [outcome for outcome in verdict.outcomes if outcome.result == "pass"]
    estimates = sum(outcome.rule.bound == "estimate" for outcome in passed)
    hold = "hold_some" if estimates < len(passed) else "hold_estimate"
    yield say(
        f"texts.{hold if estimates else 'hold'}",
        all=len(verdict.outcomes),
        count=len(passed),
        estimates=estimates,
    )
    for result in ("fail", "inconclusive"):
        ids = [outcome.rule.id for outcome in verdict.outcomes if outcome.result == result]
        if ids:
            yield say(f"texts.warned_{result}", rules=names(ids, say))
