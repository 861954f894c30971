"""verdict.json: written and read by explicit, versioned functions, apart from the records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from jsonschema.exceptions import best_match

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.evidence.wire_findings import (
    finding_from_json,
    finding_to_json,
    resolution_to_json,
)
from gatekeeper.evidence.wire_judge_card import card_to_json
from gatekeeper.policy.schema import validator
from gatekeeper.records.bundle_files import VERDICT
from gatekeeper.records.finding import Subject
from gatekeeper.records.judge_card import JudgeCard
from gatekeeper.records.policy import Rule, Waiver
from gatekeeper.records.verdict import (
    Departure,
    MorePrompts,
    Requirement,
    Resolution,
    RuleOutcome,
    Verdict,
)
from gatekeeper.verify.judge_card import checked_card

SCHEMA = "gatekeeper/verdict/v1"


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain data for a JSON file. Holds no prompts, replies or expert ids."""
    card = {} if verdict.card is None else {"judge_card": card_to_json(verdict.card)}
    waivers = {"waivers": {"digest": verdict.waivers_digest}} if verdict.waivers_digest else {}
    return {
        **card,
        **({} if verdict.baseline is None else {"baseline": {"digest": verdict.baseline}}),
        **waivers,
        "schema": SCHEMA,
        "result": verdict.result,
        "headline": verdict.headline,
        "fail_on": verdict.fail_on,
        "summary": verdict.summary,
        "evidence": {"digest": verdict.evidence_digest},
        "policy": {
            "id": verdict.policy_id,
            "version": verdict.policy_version,
            "digest": verdict.policy_digest,
            **({} if verdict.replaces is None else {"replaces": verdict.replaces}),
            **({} if verdict.tier is None else {"tier": verdict.tier}),
        },
        "checkpoint": {"digest": verdict.checkpoint_digest},
        "judged_on": verdict.judged_on.isoformat(),
        "requirements": [
            {"name": need.name, "met": need.met, "detail": need.detail}
            for need in verdict.requirements
        ],
        "outcomes": [_outcome_to_json(outcome) for outcome in verdict.outcomes],
        "warnings": list(verdict.warnings),
        "departures": [
            {"name": departure.name, "value": departure.value, "default": departure.default}
            for departure in verdict.departures
        ],
    }


def _outcome_to_json(outcome: RuleOutcome) -> dict[str, Any]:
    more = outcome.more_prompts
    return {
        "rule": _rule_to_json(outcome.rule),
        "result": outcome.result,
        "decisive": finding_to_json(outcome.decisive),
        "others": [finding_to_json(finding) for finding in outcome.others],
        "explanation": outcome.explanation,
        "more_prompts": None if more is None else more.low,
        "more_prompts_high": None if more is None else more.high,
        "resolution": resolution_to_json(outcome.resolution),
        "obstacle": outcome.obstacle,
        "waiver": None if outcome.waiver is None else _waiver_to_json(outcome.waiver),
    }


def _waiver_to_json(waiver: Waiver) -> dict[str, Any]:
    return {
        "rule": waiver.rule,
        "checkpoint": waiver.checkpoint,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "approver": waiver.approver,
        "expires": waiver.expires.isoformat(),
        "not_above": waiver.not_above,
        "line": waiver.line,
        **{key: value for key, value in _further(waiver).items() if value not in {None, "", False}},
    }


def _further(waiver: Waiver) -> dict[str, Any]:
    """What not every waiver has."""
    return {
        "not_below": waiver.not_below,
        "issued": waiver.issued and waiver.issued.isoformat(),
        "ticket": waiver.ticket,
        "separate": waiver.separate,
    }


def _rule_to_json(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "metric": rule.metric,
        "subjects": [dict(subject.items()) for subject in rule.subjects],
        "min": rule.minimum,
        "max": rule.maximum,
        "unit": rule.unit,
        "bound": rule.bound,
        "severity": rule.severity,
        "rationale": rule.rationale,
        "remedy": rule.remedy,
        "controls": list(rule.controls),
        "line": rule.line,
        "interval": rule.interval,
        **({"regression": True} if rule.regression else {}),
    }


def verdict_from_json(data: Any, *, where: str | None = None) -> Verdict:
    """The verdict in the data of a verdict.json.

    Args:
        where: the file to blame in an error.

    Raises:
        EvidenceError: the data is not of the schema.
    """
    error = best_match(validator("verdict-v1").iter_errors(data))
    if error is not None or not isinstance(data, dict):
        path = excerpt(error.json_path) if error else "$"
        raise EvidenceError(
            f"not a verdict of schema {SCHEMA}: see {path}",
            where=where,
            remedy="make it again with gatekeeper check",
        )
    return Verdict(
        result=data["result"],
        summary=data["summary"],
        evidence_digest=data["evidence"]["digest"],
        policy_digest=data["policy"]["digest"],
        policy_id=data["policy"]["id"],
        policy_version=data["policy"]["version"],
        replaces=data["policy"].get("replaces"),
        checkpoint_digest=data["checkpoint"]["digest"],
        judged_on=_date(data["judged_on"], where),
        requirements=tuple(Requirement(**need) for need in data["requirements"]),
        outcomes=tuple(_outcome(entry, where) for entry in data["outcomes"]),
        warnings=tuple(data["warnings"]),
        fail_on=data.get("fail_on", "block"),
        departures=tuple(Departure(**departure) for departure in data.get("departures", ())),
        card=_judge_card(data.get("judge_card"), where),
        waivers_digest=data.get("waivers", {}).get("digest"),
        tier=data["policy"].get("tier"),
        baseline=data.get("baseline", {}).get("digest"),
    )


def _judge_card(data: object, where: str | None) -> JudgeCard | None:
    if data is None:
        return None
    try:
        return checked_card(data, Path(where or VERDICT))
    except UsageError as error:
        raise EvidenceError(
            f"not a verdict: its judge_card is {error.message}",
            where=where,
            remedy="make it again with gatekeeper check",
        ) from error


def _date(text: str, where: str | None) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise EvidenceError(
            "not a verdict: a date is none",
            where=where,
            remedy="make it again with gatekeeper check",
        ) from error


def _outcome(data: Mapping[str, Any], where: str | None) -> RuleOutcome:
    more, waiver = data["more_prompts"], data.get("waiver")
    return RuleOutcome(
        rule=_rule(data["rule"]),
        result=data["result"],
        decisive=finding_from_json(data["decisive"]),
        others=tuple(finding_from_json(entry) for entry in data["others"]),
        explanation=data["explanation"],
        more_prompts=None
        if more is None
        else MorePrompts(low=int(more), high=data.get("more_prompts_high")),
        resolution=_resolution(data.get("resolution")),
        obstacle=data.get("obstacle"),
        waiver=None if waiver is None else _waiver(waiver, where),
    )


def _waiver(data: Mapping[str, Any], where: str | None) -> Waiver:
    return Waiver(
        rule=data["rule"],
        checkpoint=data["checkpoint"],
        reason=data["reason"],
        owner=data["owner"],
        approver=data["approver"],
        expires=_date(data["expires"], where),
        not_above=_number(data["not_above"]),
        line=int(data["line"]),
        not_below=_number(data.get("not_below")),
        issued=_date(data["issued"], where) if "issued" in data else None,
        ticket=data.get("ticket", ""),
        separate=data.get("separate", False),
    )


def _resolution(data: Mapping[str, float | None] | None) -> Resolution | None:
    """The resolution in a verdict.json; None in verdicts that were written before there was one."""
    if data is None:
        return None
    return Resolution(fails_from=_number(data["fails_from"]), passes_to=_number(data["passes_to"]))


def _rule(data: Mapping[str, Any]) -> Rule:
    return Rule(
        id=data["id"],
        metric=data["metric"],
        subjects=tuple(Subject(**subject) for subject in data["subjects"]),
        minimum=_number(data["min"]),
        maximum=_number(data["max"]),
        unit=data["unit"],
        bound=data["bound"],
        severity=data["severity"],
        rationale=data["rationale"],
        remedy=data["remedy"],
        controls=tuple(data["controls"]),
        line=int(data["line"]),
        interval=data.get("interval", "suite"),
        regression=data.get("regression", False),
    )


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
