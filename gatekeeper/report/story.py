"""The executive summary: sentences chosen by what was measured, worded by the wording file."""

from __future__ import annotations

from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding
from gatekeeper.records.verdict import RESULTS, Verdict
from gatekeeper.report.curve_parts import Curve
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
        conclusion=_ending("summary.means", verdict, rules, words),
        recommended=_recommended(verdict, rules, words),
    )


def _tested(evidence: Evidence, words: Wording) -> tuple[str, ...]:
    model, prompts = evidence.model, evidence.suite.prompts
    name = clean(evidence.checkpoint.source, 120)
    if not model.is_moe:
        return (words("summary.not_moe", model=name),)
    top_ks = sorted({site.top_k for site in model.sites})
    measured = sum(p.split == "measurement" and not p.skipped for p in prompts)
    controls = sum(mask.arm == "control" for mask in evidence.masks)
    skipped = evidence.skipped_selectors
    ran = [s for s in evidence.settings.selectors if s not in skipped]
    return (
        words(
            "summary.model",
            model=name,
            layers=words.number(len(model.sites), 0),
            experts=words.number(model.routed_experts, 0),
            top_k=words.enumerate([words.number(k, 0) for k in top_ks]),
        ),
        words("summary.terms"),
        words(
            "summary.suite",
            prompts=words.number(measured, 0),
            suite=clean(evidence.suite.id, 60),
            version=clean(evidence.suite.version, 30),
            ks=words.enumerate([words.number(k, 0) for k in evidence.settings.ks]),
            selectors=words.enumerate([clean(s, 40) for s in ran]),
            controls=words.number(controls, 0),
            trials=words.number(len(evidence.trials), 0),
        ),
    )


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
        return words(f"{key}_pass_except", rules=words.enumerate(exceptions))
    return words(f"{key}_{verdict.result}")


def _certainty(finding: Finding, words: Wording) -> str:
    return words(
        "summary.tile_interval",
        range=words.range(finding.interval),
        confidence=words.number(finding.interval.confidence * 100, 0),
        n=words.number(finding.n, 0),
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
    return [
        words(
            "summary.controls",
            count=point.masks,
            low=words.amount(point.low, "%"),
            high=words.amount(point.high, "%"),
            mean=words.amount(point.mean, "%"),
            n=words.number(point.n, 0),
        )
    ]


def _recommended(verdict: Verdict, rules: tuple[RuleRow, ...], words: Wording) -> tuple[str, ...]:
    steps = [words(f"summary.do_{verdict.result}")]
    for row in sorted(rules, key=lambda r: -RESULTS.index(r.result)):
        if row.result in {"fail", "waived"} and row.remedy:
            steps.append(words("summary.remedy", rule=row.id, remedy=row.remedy))
        elif row.result == "inconclusive" and row.outcome.more_prompts:
            steps.append(words("summary.more_prompts", rule=row.id, count=row.outcome.more_prompts))
    for need in verdict.requirements:
        if not need.met:
            steps.append(
                words("summary.need", name=clean(need.name, 80), detail=clean(need.detail, 200))
            )
    return tuple(dict.fromkeys(steps))
