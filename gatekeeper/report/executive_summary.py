"""The executive summary: sentences chosen by what was measured, worded by the wording file."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gatekeeper.analysis.matching import NEAR
from gatekeeper.analysis.order import halved, prompts_left_out
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding
from gatekeeper.records.verdict import RESULTS, Verdict
from gatekeeper.report.advice import names, recommended
from gatekeeper.report.curve import MASKING
from gatekeeper.report.curve_parts import Curve
from gatekeeper.report.headline import build_headline
from gatekeeper.report.modes import mask_text
from gatekeeper.report.parts import KeyNumber, RuleRow, Summary
from gatekeeper.report.rules import set_title, subject_text
from gatekeeper.report.text import clean, first_few
from gatekeeper.report.wording import Wording

_TILES = 4
#: Lines on waivers that the page has room for.
_WAIVERS = 2


def build_summary(
    evidence: Evidence,
    verdict: Verdict,
    rules: tuple[RuleRow, ...],
    curve: Curve | None,
    words: Wording,
    certainty: tuple[str, ...],
    conditions: tuple[str, ...],
    uneven: bool = False,
) -> Summary:
    """What was tested, what decided, what it means, how sure it is, what to do.

    Args:
        uneven: whether random masks beside other masks than the one it speaks of are less alike.
    """
    return Summary(
        tested=_tested(evidence, words),
        numbers=_numbers(rules, curve, words),
        meaning=_meaning(curve, uneven, words),
        consequence=_consequence(verdict, rules, words),
        conclusion=_conclusion(verdict, rules, words),
        recommended=recommended(verdict, rules, words),
        certainty=certainty,
        conditions=conditions,
    )


def _tested(evidence: Evidence, words: Wording) -> tuple[str, ...]:
    sites = evidence.model.sites
    name = clean(evidence.checkpoint.source, 60)
    if not sites:
        return (words("summary.not_moe", model=name),)
    return (
        words(
            "summary.model",
            model=name,
            count=len(sites),
            experts=words.number(evidence.model.routed_experts, 0),
            each=_span([site.experts for site in sites], words),
        ),
        words("summary.terms", top_k=_span([site.top_k for site in sites], words)),
        mask_text(evidence.settings, words),
        *_suite(evidence, words),
    )


def _span(values: list[int], words: Wording) -> str:
    """The one number that all layers share, or the range they lie in."""
    low, high = (words.number(end(values), 0) for end in (min, max))
    return low if low == high else words("number.range", low=low, high=high)


def _suite(evidence: Evidence, words: Wording) -> Iterator[str]:
    """Which prompts were put to the model, under which masks."""
    measured = sum(p.measures for p in evidence.suite.prompts)
    settings = evidence.settings
    ran = [clean(s, 40) for s in settings.selectors if s not in evidence.skipped_selectors]
    ks = words.enumerate([words.number(k, 0) for k in settings.ks])
    yield words(
        "summary.suite" if ran else "summary.suite_unmasked",
        count=len(ran),
        prompts=words.number(measured, 0),
        suite=clean(evidence.suite.id, 40),
        version=clean(evidence.suite.version, 20),
        ks=ks,
        selectors=words.enumerate(ran),
    )
    if evidence.settings.cross_fit:
        yield words("summary.suite_cross_fit")
    if left_out := prompts_left_out(evidence):
        share = 100 * left_out / (left_out + len(evidence.trials))
        whole_set = max(stop.confidence for stop in evidence.stops)
        yield words(
            "summary.suite_sequential",
            share=words.amount(round(share), "%"),
            confidence=words.percent(halved(whole_set)),
            whole=words.percent(whole_set),
        )
    controls = len({mask.label for mask in evidence.masks if mask.arm == "control"})
    if controls:
        yield words("summary.suite_controls", count=controls)
    if evidence.trials:
        yield words("summary.replies", trials=words.number(len(evidence.trials), 0))


def _numbers(
    rules: tuple[RuleRow, ...], curve: Curve | None, words: Wording
) -> tuple[KeyNumber, ...]:
    """The decisive findings, worst result first, of passes the nearest to their limit; the unmasked
    rate fills up.
    """
    ranked = sorted(
        rules, key=lambda r: (-RESULTS.index(r.result), r.severity != "block", _room(r))
    )
    tiles = [
        KeyNumber(
            value=words.value(decisive),
            label=row.title,
            detail=(
                subject_text(decisive.subject, words),
                words("summary.tile_limit", limit=row.limit),
                _certainty(decisive, words),
            ),
            result=row.result,
        )
        for row in ranked
        if isinstance(decisive := row.outcome.decisive, Finding)
    ][:_TILES]
    if curve and len(tiles) < _TILES:
        rate = curve.unmasked
        tiles.append(
            KeyNumber(
                value=words.value(rate),
                label=words("summary.unmasked_tile"),
                detail=(set_title("regular", words), _certainty(rate, words)),
                result="none",
            )
        )
    return tuple(tiles)


def _room(row: RuleRow) -> float:
    """How far the interval of a rule that passes lies inside its limit; 0 of any other rule."""
    finding, rule = row.outcome.decisive, row.outcome.rule
    if row.result != "pass" or not isinstance(finding, Finding):
        return 0.0
    ends = finding.interval
    above = math.inf if rule.maximum is None else rule.maximum - ends.high
    below = math.inf if rule.minimum is None else ends.low - rule.minimum
    return min(above, below)


def _consequence(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> str:
    """What the headline comes to; a pass with waivers or warnings never reads like a clean one."""
    key = verdict.headline
    warned = _warned(rules, words)
    if key == "passed" and warned:
        return words("decision.consequence.passed_warned", rules=warned)
    shown, rest = first_few(build_headline(verdict, words).waivers, _WAIVERS)
    lines = [*shown, *([words("waiver.more", count=rest)] if rest else [])]
    return words(
        f"decision.consequence.{key}", rules=warned, waivers=words("number.semicolon").join(lines)
    )


def _warned(rules: tuple[RuleRow, ...], words: Wording) -> str:
    """Warning rules that did not pass, by name."""
    return names(
        [
            row.id
            for row in rules
            if not row.outcome.blocking and row.result in {"fail", "inconclusive"}
        ],
        words,
    )


def _conclusion(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> str:
    """What the verdict means: only what its rules bear out."""
    if verdict.headline == "inconclusive":
        return words("summary.means.inconclusive")
    sentences = _failure if verdict.result == "fail" else _clearance
    return words.prose(sentences(verdict, rules, words))


def _failure(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> Iterator[str]:
    failed = [row.outcome.rule for row in rules if row.result == "fail"]
    clear = any(rule.severity != "warn" and rule.bound != "estimate" for rule in failed)
    key = verdict.headline if clear or verdict.headline != "failed" else "failed_estimate"
    yield words(f"summary.means.{key}", rules=_warned(rules, words))
    if any(rule.metric in MASKING for rule in failed):
        yield words("summary.means.masking")


def _clearance(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> Iterator[str]:
    """Which rules were met, which were not, and what that does not show."""
    warned = _warned(rules, words)
    waived = [row.id for row in rules if row.result == "waived"]
    met = [row.outcome.rule for row in rules if row.result == "pass"]
    if waived:
        yield words("summary.means.waived", rules=names(waived, words), count=len(waived))
    if warned:
        yield words("summary.means.warned", rules=warned)
    if met:
        key = "others_met" if waived or warned else "all_met"
        by_interval = all(rule.bound != "estimate" for rule in met)
        yield words(f"summary.means.{key}" + ("" if by_interval else "_estimate"))
    yield words("summary.means.no_proof")


def _certainty(finding: Finding, words: Wording) -> str:
    return words(
        "summary.tile_interval",
        certainty=words.certainty(finding),
        n=words.count(finding),
    )


def _meaning(curve: Curve | None, uneven: bool, words: Wording) -> tuple[str, ...]:
    sentences = []
    if curve:
        sentences.append(words("summary.unmasked", rate=words.estimate(curve.unmasked)))
        masked = curve.masked(curve.worst, curve.k)
        if masked:
            sentences.append(
                words(
                    "summary.masked",
                    count=curve.k,
                    selector=clean(curve.worst, 40),
                    rate=words.estimate(masked),
                )
            )
            if curve.rule:
                sentences.append(words("summary.chosen", rule=clean(curve.rule, 40)))
        sentences += _controls(curve, uneven, words)
    return tuple(sentences)


def _controls(curve: Curve, uneven: bool, words: Wording) -> list[str]:
    point = next((p for p in curve.controls if p.k == curve.k), None)
    if point is None:
        return [words("summary.no_controls")]
    mean, n = words.amount(point.mean, "%"), words.number(point.n, 0)
    low, high = words.amount(point.low, "%"), words.amount(point.high, "%")
    if point.masks > 1 and low == high:
        refused = words("summary.controls_same", count=point.masks, mean=mean, n=n)
    else:
        refused = words("summary.controls", count=point.masks, low=low, high=high, mean=mean, n=n)
    return [refused, *_likeness(curve, uneven, words)]


def _likeness(curve: Curve, uneven: bool, words: Wording) -> Iterator[str]:
    """How busy the experts of the random masks are beside the selected ones."""
    row = next((r for r in curve.rows if r.k == curve.k), None)
    if row is None or not isinstance(row.excess, Finding):
        return
    counts = row.excess.counts
    selected, controls = counts.get("activity_selected"), counts.get("activity_controls")
    if selected is None or controls is None:
        return
    near = NEAR[0] * selected <= controls <= NEAR[1] * selected
    yield words(
        "summary.controls_near" if near else "summary.controls_far",
        selected=words.amount(selected, "%"),
        controls=words.amount(controls, "%"),
    )
    if near and uneven:
        yield words("summary.controls_others", chapter=words("rules.notes"))
