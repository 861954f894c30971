"""The report as data: `gatekeeper/report/v1`, described by `report-v1.json` beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gatekeeper.analysis.matching import Match
from gatekeeper.analysis.overlap import Overlap
from gatekeeper.evidence.wire_findings import finding_to_json, resolution_to_json
from gatekeeper.records.plugins import Format
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.corrected_parts import CorrectedFacts
from gatekeeper.report.curve_parts import Curve
from gatekeeper.report.disclosure import SelectorFacts
from gatekeeper.report.environment_facts import EnvironmentRow
from gatekeeper.report.parts import GroupRow, ReportView, RuleRow, Share
from gatekeeper.strict_json import levelled

SCHEMA = "gatekeeper/report/v1"


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """The report as UTF-8 JSON with sorted keys; the same view gives the same bytes."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    report = levelled(report_to_json(view))
    text = json.dumps(report, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
    return (text + "\n").encode()


def report_to_json(view: ReportView) -> dict[str, Any]:
    """The view as plain data."""
    return {
        "schema": SCHEMA,
        "document": {
            "id": view.document.id,
            "created": view.document.created.isoformat(),
            "disclosure": str(view.level),
            "language": view.words.lang,
            "tool_version": view.document.tool_version,
        },
        "model": {
            "name": view.model.name,
            "revision": view.model.revision,
            "digest": view.model.digest,
        },
        "policy": {
            "id": view.policy.id,
            "version": view.policy.version,
            "title": view.policy.title,
            "owner": view.policy.owner,
            "digest": view.policy.digest,
            **({} if view.policy.tier is None else {"tier": view.policy.tier}),
        },
        "verdict": _verdict(view.verdict),
        "waivers": list(view.headline.waivers),
        "requirements": [
            {"name": need.name, "met": need.met, "detail": need.detail}
            for need in view.requirements
        ],
        "rules": [_rule(row) for row in view.rules],
        "findings": [finding_to_json(finding) for finding in view.findings],
        "controls": _controls(view.curve),
        "matching": [_match(match) for match in view.matches],
        "categories": [_group(row) for row in view.categories],
        "languages": [_group(row) for row in view.languages],
        "selectors": [_selector(facts) for facts in view.selectors],
        "environments": [_environment(row) for row in view.environments],
        "experts": _experts(view),
        **({} if view.corrected is None else {"corrected": _corrected(view.corrected)}),
    }


def _corrected(facts: CorrectedFacts) -> dict[str, Any]:
    return {
        "judge": facts.judge,
        "judge_version": facts.version,
        "card_digest": facts.digest,
        "labels": facts.labels,
        "labels_masked": facts.masked,
        "rows": [
            {
                "raw": finding_to_json(row.raw),
                "value": row.value,
                "interval": None
                if row.interval is None
                else {
                    "low": row.interval.low,
                    "high": row.interval.high,
                    "confidence": row.interval.confidence,
                    "method": row.interval.method,
                },
                "reason": row.reason,
                "labels": row.labels,
            }
            for row in facts.rows
        ],
        "notes": list(facts.notes),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "result": verdict.result,
        "headline": verdict.headline,
        "fail_on": verdict.fail_on,
        "summary": verdict.summary,
        "judged_on": verdict.judged_on.isoformat(),
        "evidence_digest": verdict.evidence_digest,
        "checkpoint_digest": verdict.checkpoint_digest,
        **({} if verdict.waivers_digest is None else {"waivers_digest": verdict.waivers_digest}),
        "warnings": list(verdict.warnings),
        "departures": [
            {"name": d.name, "value": d.value, "default": d.default} for d in verdict.departures
        ],
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        "selector": match.selector,
        "k": match.k,
        "selected": 100 * match.selected,
        "controls": 100 * match.controls,
        "busiest": 100 * match.busiest,
        "same_layer": 100 * match.same_layer,
        "masks": len(match.each),
    }


def _rule(row: RuleRow) -> dict[str, Any]:
    rule, outcome, more = row.outcome.rule, row.outcome, row.outcome.more_prompts
    return {
        "id": rule.id,
        "metric": rule.metric,
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "unit": rule.unit,
        "bound": rule.bound,
        "severity": rule.severity,
        "result": outcome.result,
        "explanation": row.explanation,
        "remedy": row.remedy,
        "controls": list(row.controls),
        "waivers": [{"applied": w.applied, "text": w.text} for w in row.waivers],
        "decisive": finding_to_json(outcome.decisive),
        "others": [finding_to_json(other) for other in outcome.others],
        "largest": None if outcome.largest is None else finding_to_json(outcome.largest),
        "more_prompts": None if more is None else more.low,
        "more_prompts_high": None if more is None else more.high,
        "resolution": resolution_to_json(outcome.resolution),
    }


def _controls(curve: Curve | None) -> list[dict[str, Any]]:
    if curve is None:
        return []
    return [
        {
            "selector": curve.worst,
            "k": point.k,
            "masks": point.masks,
            "n": point.n,
            "refusal_rate": {"mean": point.mean, "low": point.low, "high": point.high},
        }
        for point in curve.controls
    ]


def _group(row: GroupRow) -> dict[str, Any]:
    masked = _share(row.masked) if row.masked else None
    return {"name": row.name, "unmasked": _share(row.unmasked), "masked": masked}


def _share(share: Share) -> dict[str, Any]:
    interval = share.interval
    return {
        "value": share.value if share.n else None,
        "n": share.n,
        "interval": {"low": interval.low, "high": interval.high} if interval else None,
        "reason": share.reason,
    }


def _selector(facts: SelectorFacts) -> dict[str, Any]:
    return {
        "id": facts.selector,
        **({"fold": facts.fold} if facts.fold else {}),
        "version": facts.version,
        "resamples": facts.resamples,
        "threshold": facts.threshold,
        "error_bound": facts.error_bound,
        "stable": facts.stable,
        "stable_layers": facts.stable_layers,
        "borderline": facts.borderline,
        "groups": dict(facts.groups),
        "phi": None
        if facts.phi is None
        else {
            "value": facts.phi.value,
            "interval": {"low": facts.phi.interval.low, "high": facts.phi.interval.high},
        },
        "standing": None if facts.standing is None else _overlap(facts.standing),
        "shared": {name: _overlap(overlap) for name, overlap in facts.shared.items()},
    }


def _environment(row: EnvironmentRow) -> dict[str, Any]:
    return {
        "dimension": row.dimension,
        "selector": row.selector,
        "changes": [
            {
                "value": change.value,
                "phi": change.phi,
                "usual": change.usual,
                "low": change.low,
                "draws": change.draws,
                "changes": change.changes,
                **({"fold": change.fold} if change.fold else {}),
            }
            for change in row.changes
        ],
    }


def _overlap(overlap: Overlap) -> dict[str, int]:
    return {"shared": overlap.shared, "size": overlap.size}


def _experts(view: ReportView) -> dict[str, list[dict[str, Any]]]:
    """The ranking, which the view holds at the restricted level only."""
    if view.annex is None:
        return {}
    return {
        selector: [
            {
                "rank": row.rank,
                "layer": row.expert.layer,
                "expert": row.expert.expert,
                "probability": row.probability,
                "score": row.score,
            }
            for row in rows
        ]
        for selector, rows in view.annex.experts.items()
    }


FORMAT = Format(
    id="json", title="the report as JSON (gatekeeper/report/v1)", filename="report.json",
    render=render,
)  # fmt: skip
