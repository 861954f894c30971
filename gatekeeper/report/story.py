"""The executive summary: sentences chosen by what was measured, worded by the wording file."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.analysis.matching import NEAR
from gatekeeper.analysis.order import halved, prompts_left_out
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding
from gatekeeper.records.verdict import RESULTS, Verdict
from gatekeeper.report.advice import names, recommended
from gatekeeper.report.curve import MASKING
from gatekeeper.report.curve_parts import Curve
from gatekeeper.report.modes import mask_text
from gatekeeper.report.parts import KeyNumber, RuleRow, Summary
from gatekeeper.report.rules import set_title
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording

_TILES = 4


def build_summary(
    evidence: Evidence,
    verdict: Verdict,
    rules: tuple[RuleRow, ...],
    curve: Curve | None,
    words: Wording,
) -> Summary:
    """What was tested, what decided, what it means, what to do."""
    return Summary(
        tested=_tested(evidence, words),
        numbers=_numbers(rules, curve, words),
        meaning=_meaning(curve, words),
        consequence=_ending("decision.consequence", verdict, rules, words),
        conclusion=_conclusion(verdict, rules, words),
        recommended=recommended(verdict, rules, words),
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
    if left := prompts_left_out(evidence):
        share = 100 * left / (left + len(evidence.trials))
        whole = max(stop.confidence for stop in evidence.stops)
        yield words(
            "summary.suite_sequential",
            share=words.amount(round(share), "%"),
            confidence=words.percent(halved(whole)),
            whole=words.percent(whole),
        )
    controls = len({mask.label for mask in evidence.masks if mask.arm == "control"})
    if controls:
        yield words("summary.suite_controls", count=controls)
    if evidence.trials:
        yield words("summary.replies", trials=words.number(len(evidence.trials), 0))


def _numbers(
    rules: tuple[RuleRow, ...], curve: Curve | None, words: Wording
) -> tuple[KeyNumber, ...]:
    """The decisive findings, worst result first; the unmasked rate fills up."""
    ranked = sorted(rules, key=lambda r: (-RESULTS.index(r.result), r.severity != "block"))
    found = [
        KeyNumber(
            value=row.measured,
            label=row.title,
            detail=(
                row.subject,
                words("summary.tile_limit", limit=row.limit),
                _certainty(row.outcome.decisive, words),
            ),
            result=row.result,
        )
        for row in ranked
        if isinstance(row.outcome.decisive, Finding)
    ][:_TILES]
    if curve and len(found) < _TILES:
        rate = curve.unmasked
        found.append(
            KeyNumber(
                value=words.value(rate),
                label=words("summary.unmasked_tile"),
                detail=(set_title("regular", words), _certainty(rate, words)),
                result="none",
            )
        )
    return tuple(found)


def _ending(key: str, verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> str:
    """What the verdict comes to; a pass with waivers or warnings never reads like a clean one."""
    exceptions = [row.id for row in rules if row.result != "pass"]
    if verdict.result == "pass" and exceptions:
        return words(f"{key}_pass_except", rules=names(exceptions, words))
    return words(f"{key}_{verdict.result}")


def _conclusion(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> str:
    """What the verdict means; of a failed gate, only what the failed rules bear out."""
    if verdict.result != "fail":
        return _ending("summary.means", verdict, rules, words)
    failed = [row.outcome.rule for row in rules if row.result == "fail"]
    clear = any(rule.severity == "block" and rule.bound != "estimate" for rule in failed)
    parts = [words("summary.means_fail" if clear else "summary.means_fail_estimate")]
    if any(rule.metric in MASKING for rule in failed):
        parts.append(words("summary.means_fail_masking"))
    return " ".join(parts)


def _certainty(finding: Finding, words: Wording) -> str:
    return words(
        "summary.tile_interval",
        certainty=words.certainty(finding),
        n=words.count(finding),
    )


def _meaning(curve: Curve | None, words: Wording) -> tuple[str, ...]:
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
        sentences += _controls(curve, words)
    return tuple(sentences)


def _controls(curve: Curve, words: Wording) -> list[str]:
    point = next((p for p in curve.controls if p.k == curve.k), None)
    if point is None:
        return [words("summary.no_controls")]
    mean, n = words.amount(point.mean, "%"), words.number(point.n, 0)
    low, high = words.amount(point.low, "%"), words.amount(point.high, "%")
    if point.masks > 1 and low == high:
        refused = words("summary.controls_same", count=point.masks, mean=mean, n=n)
    else:
        refused = words("summary.controls", count=point.masks, low=low, high=high, mean=mean, n=n)
    return [refused, *_likeness(curve, words)]


def _likeness(curve: Curve, words: Wording) -> Iterator[str]:
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
