"""Rates of refusal without the judge's errors, beside the raw ones.

They decide nothing unless the policy demands a card (`policy.carded`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gatekeeper.analysis.correction import card_part_for, correct_drop, correct_rate
from gatekeeper.analysis.rogan_gladen import Corrected
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Subject
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.policy import Rule
from gatekeeper.records.suite import SETS
from gatekeeper.records.trial import MODE
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.corrected_parts import CorrectedFacts, CorrectedRow, GivenCard
from gatekeeper.report.curve_parts import Curve
from gatekeeper.report.measured import find, masked_rate, rate
from gatekeeper.report.rules import metric_title, subject_text
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

RATE, DROP = "refusal-rate", "refusal-drop"
#: Columns of its table.
CORRECTED = ("what", "raw", "value", "interval", "labels")
_TOLERANCE = 1e-9


def build_corrected(
    evidence: Evidence,
    verdict: Verdict,
    curve: Curve | None,
    card_file: GivenCard | None,
    words: Wording,
) -> CorrectedFacts | None:
    """The unmasked rates, those under the mask that the report speaks of, and what rules ask."""
    if card_file is None:
        return None
    card = card_file.card
    numbers = [
        (outcome.rule, _as_judged(evidence, finding))
        for outcome in verdict.outcomes
        for finding in (outcome.decisive, *outcome.others)
        if isinstance(finding, Finding) and finding.metric in {RATE, DROP}
    ]
    decisive = [
        _as_judged(evidence, o.decisive)
        for o in verdict.outcomes
        if isinstance(o.decisive, Finding)
    ]
    shown = [*_headline(evidence, curve), *(f for f in decisive if f.metric in {RATE, DROP})]
    unique = {(f.metric, _full(f)): f for f in shown}
    return CorrectedFacts(
        judge=clean(card.judge, 60),
        version=card.version,
        digest=card_file.digest,
        labels=card.parts[0].n,
        masked=sum(part.n for part in card.parts if part.name == "group: masked"),
        rows=tuple(_row(evidence, finding, card, words) for finding in unique.values()),
        notes=() if verdict.card is not None else tuple(_notes(evidence, card, numbers, words)),
        decides=verdict.card is not None,
    )


def _as_judged(evidence: Evidence, finding: Finding) -> Finding:
    """The raw number of one that the verdict holds corrected."""
    if "raw" not in finding.counts:
        return finding
    at = (finding.metric, _full(finding))
    stored = (f for f in evidence.findings if isinstance(f, Finding))
    return next((f for f in stored if (f.metric, _full(f)) == at), finding)


def _headline(evidence: Evidence, curve: Curve | None) -> Iterator[Finding]:
    """Rates of every set, without a mask and under the one that the report speaks of; drops."""
    for name in SETS:
        findings = [rate(evidence, name)]
        if curve is not None:
            at = (curve.worst, curve.k)
            findings.append(masked_rate(evidence, name, *at))
            drop = find(evidence, DROP, selector=at[0], k=at[1], sets=(name,))
            findings.append(drop if isinstance(drop, Finding) else None)
        yield from (f for f in findings if f is not None)


def _full(finding: Finding) -> Subject:
    """A finding's subject as it is stored: with its set, and its mode only if not the usual one."""
    at = finding.subject
    return replace(at, set=at.set or "regular", mode=None if at.mode == MODE else at.mode)


def _row(evidence: Evidence, raw: Finding, card: JudgeCard, words: Wording) -> CorrectedRow:
    corrected, labels = _corrected(evidence, raw, card)
    number = corrected if isinstance(corrected, Corrected) else None
    return CorrectedRow(
        raw=raw,
        title=metric_title(raw.metric, words),
        subject=subject_text(_full(raw), words),
        value=None if number is None else 100 * number.value,
        interval=None if number is None else _percent(number.interval),
        reason=corrected if isinstance(corrected, str) else "",
        labels=labels,
    )


def corrected_cells(row: CorrectedRow, words: Wording) -> tuple[str, str, str, str, str]:
    """The cells of a row: subject, raw value, corrected value, its interval, and labels."""
    raw = words.estimate(row.raw)
    what = words("corrected.what", title=row.title, subject=row.subject)
    labels = words.number(row.labels, 0)
    if row.value is None or row.interval is None:
        return what, raw, words("number.none"), words.told(row.reason), labels
    value = words.amount(row.value, row.raw.unit)
    return what, raw, value, words.range(row.interval), labels


def card_line(facts: CorrectedFacts, words: Wording) -> str:
    """Which card, of which judge, of how many labelled replies."""
    return words(
        "corrected.card_decides" if facts.decides else "corrected.card",
        judge=facts.judge,
        version=facts.version,
        digest=facts.digest,
        labels=words.number(facts.labels, 0),
        masked=words.number(facts.masked, 0),
    )


def _percent(interval: Interval) -> Interval:
    return Interval(
        low=100 * interval.low,
        high=100 * interval.high,
        confidence=interval.confidence,
        method=interval.method,
    )


def _corrected(evidence: Evidence, raw: Finding, card: JudgeCard) -> tuple[Corrected | str, int]:
    """The corrected number, or why there is none, and the labelled replies it rests on."""
    plain, masked = (card_part_for(card, masked=is_masked) for is_masked in (False, True))
    if "planned" in raw.counts:
        return "the mask's run stopped early, and no corrected interval allows for that", masked.n
    if raw.metric == RATE:
        part = masked if raw.subject.mask == "selected" else plain
        return correct_rate(raw, part), part.n
    labels = plain.n if plain is masked else plain.n + masked.n
    at = replace(_full(raw), mask="selected")
    before = rate(evidence, at.set or "regular")
    after = next((f for f in evidence.findings if (f.metric, f.subject) == (RATE, at)), None)
    if before is None or not isinstance(after, Finding):
        return "the rates of refusal behind it were not measured", labels
    return correct_drop(raw, before, after, (plain, masked)), labels


def _notes(
    evidence: Evidence, card: JudgeCard, numbers: list[tuple[Rule, Finding]], words: Wording
) -> Iterator[str]:
    """A note a rule: of the first of its numbers whose corrected interval leaves the limit."""
    noted: set[str] = set()
    for rule, finding in numbers:
        if rule.id in noted or not _within(rule, finding.interval):
            continue
        corrected, _ = _corrected(evidence, finding, card)
        if isinstance(corrected, str) or _within(rule, _percent(corrected.interval)):
            continue
        noted.add(rule.id)
        yield words(
            "corrected.crosses",
            rule=clean(rule.id, 80),
            subject=subject_text(_full(finding), words),
            raw=words.range(finding.interval),
            corrected=words.range(_percent(corrected.interval)),
            limit=words.limit(
                rule.maximum if rule.maximum is not None else rule.minimum or 0.0, rule.unit
            ),
        )


def _within(rule: Rule, interval: Interval) -> bool:
    if rule.maximum is not None and interval.high > rule.maximum + _TOLERANCE:
        return False
    return rule.minimum is None or interval.low >= rule.minimum - _TOLERANCE
