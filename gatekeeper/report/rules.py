"""Rules, limits and waivers in the words of a table."""

from __future__ import annotations

import re

from gatekeeper import catalog
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.policy import Policy, Rule, Waiver
from gatekeeper.records.verdict import RuleOutcome, Verdict
from gatekeeper.report.parts import RuleRow, WaiverRow
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

#: The minus of a number, not a hyphen in a name.
_NEGATIVE = re.compile(r"(?<=[ (])-(?=\d)")


def metric_title(metric: str, words: Wording) -> str:
    """What a metric is called: the language's own name, else the metric's, else its id."""
    translated = words.get(f"metric.{metric}")
    if translated:
        return translated
    if metric in catalog.names("metric"):
        return words.told(catalog.load("metric", metric).title)
    return clean(metric, 60)


def set_title(prompt_set: str, words: Wording) -> str:
    """What a prompt set is called."""
    return words.get(f"set.{prompt_set}") or clean(prompt_set, 40)


def subject_text(subject: Subject, words: Wording) -> str:
    """What a finding is about, such as `k = 4, selector attribution`."""
    parts = []
    for key, value in subject.items():
        if key == "mode":
            continue
        text = set_title(str(value), words) if key == "set" else clean(value, 60)
        if key in {"each", "dimension"}:
            text = clean(words.told(str(value)), 60)
        if key == "mask":
            text = words(f"subject.mask_{value}")
        parts.append(words(f"subject.{key}", value=text))
    return words("subject.separator").join(parts)


def limit_text(rule: Rule, words: Wording) -> str:
    """The limit as a comparison, such as `≤ 10 points`."""
    if rule.regression:
        return words("rules.regression", limit=words.limit(rule.maximum or 0.0, rule.unit))
    if rule.maximum is not None and rule.minimum is not None:
        least, largest = (words.limit(x, rule.unit) for x in (rule.minimum, rule.maximum))
        return words("rules.between", least=least, largest=largest)
    if rule.maximum is not None:
        return words("rules.at_most", limit=words.limit(rule.maximum, rule.unit))
    return words("rules.at_least", limit=words.limit(rule.minimum or 0.0, rule.unit))


def build_rules(verdict: Verdict, policy: Policy, words: Wording) -> tuple[RuleRow, ...]:
    """A row per rule, in the policy's order."""
    return tuple(_row(outcome, verdict, policy, words) for outcome in verdict.outcomes)


def warning_texts(rows: tuple[RuleRow, ...], verdict: Verdict, words: Wording) -> tuple[str, ...]:
    """The verdict's warnings; where one only names a rule, with what was measured and its limit."""
    by_id = {row.outcome.rule.id: row for row in rows}
    return tuple(
        words("rules.warned", rule=by_id[text].id, explanation=by_id[text].explanation)
        if text in by_id
        else clean(words.told(text), 600)
        for text in verdict.warnings
    )


def _row(outcome: RuleOutcome, verdict: Verdict, policy: Policy, words: Wording) -> RuleRow:
    rule, decisive, largest = outcome.rule, outcome.decisive, outcome.largest
    measured = interval = n = words("number.none")
    if largest is not None:
        measured = words.value(largest)
        interval = words.spread(largest)
        n = words.count(largest)
    # The verdict is plain ASCII where a report has the language's own minus.
    explanation = _NEGATIVE.sub(words("number.minus"), clean(outcome.explanation, 600))
    if isinstance(decisive, Missing) and decisive.reason not in outcome.explanation:
        explanation = words(
            "rules.missing", explanation=explanation, reason=clean(decisive.reason, 200)
        )
    return RuleRow(
        id=clean(rule.id, 80),
        title=metric_title(rule.metric, words),
        subject=subject_text((largest or decisive).subject, words),
        decided=_decided(outcome, words),
        limit=limit_text(rule, words),
        bound=words(f"rules.bound_{rule.bound}"),
        measured=measured,
        interval=interval,
        n=n,
        result=outcome.result,
        severity=rule.severity,
        explanation=explanation,
        could_tell=could_tell(outcome, words),
        rationale=clean(rule.rationale, 600),
        remedy=clean(rule.remedy, 600) if verdict.advises_remedy(outcome) else "",
        controls=tuple(clean(control, 80) for control in rule.controls),
        waivers=tuple(
            _waiver(waiver, outcome, verdict, words)
            for waiver in policy.waivers
            if waiver.rule == rule.id
        ),
        outcome=outcome,
    )


def _decided(outcome: RuleOutcome, words: Wording) -> str:
    """Which subject decided, where it is not the one with the worst number."""
    decisive, largest = outcome.decisive, outcome.largest
    if largest is None or (isinstance(decisive, Finding) and decisive.value == largest.value):
        return ""
    return words("rules.decided", subject=subject_text(decisive.subject, words))


def could_tell(outcome: RuleOutcome, words: Wording) -> str:
    """Which true values the audit could have told, or nothing where that is not known."""
    power, rule = outcome.resolution, outcome.rule
    if power is None:
        return ""

    upper = rule.maximum is not None
    passes, fails = words("power.passes_none"), words("power.fails_none")
    if power.passes_to is not None:
        value = words.amount(power.passes_to, rule.unit)
        passes = words("power.passes_most" if upper else "power.passes_least", value=value)
    if power.fails_from is not None:
        value = words.amount(power.fails_from, rule.unit)
        fails = words("power.fails_most" if upper else "power.fails_least", value=value)
    return words("power.both", passes=passes, fails=fails)


def _waiver(waiver: Waiver, outcome: RuleOutcome, verdict: Verdict, words: Wording) -> WaiverRow:
    """A waiver and, if it did not count, why: nothing that was asked for vanishes."""
    key = "not_needed"
    if waiver.checkpoint != verdict.checkpoint_digest:
        key = "other_checkpoint"
    elif waiver.expires < verdict.judged_on:
        key = "expired"
    elif outcome.result == "waived":
        key = "applied"
    elif outcome.result in {"fail", "inconclusive"}:
        key = "not_covered"
    text = words(
        "waiver.text",
        reason=clean(waiver.reason, 300),
        owner=clean(waiver.owner, 80),
        approver=clean(waiver.approver, 80),
        expires=words.day(waiver.expires),
        state=words(f"waiver.{key}"),
    )
    return WaiverRow(applied=outcome.result == "waived" and key == "applied", text=text)
