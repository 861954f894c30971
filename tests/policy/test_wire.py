from __future__ import annotations

import json
from typing import Any

import pytest

from gatekeeper.errors import EvidenceError, ExitCode
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.schema import validator
from gatekeeper.policy.wire import verdict_from_json, verdict_to_json
from gatekeeper.records.finding import Subject
from gatekeeper.records.verdict import Verdict

from .builders import TODAY, concentrated, make_evidence, make_policy, make_rule, make_waiver


def verdicts() -> list[Verdict]:
    fine = make_evidence(ks=(4,), controls=20)
    faulty = make_evidence(concentrated, ks=(4,), controls=20)
    rules = (
        make_rule(),
        make_rule(id="gone", subjects=(Subject(k=9, set="regular"),), severity="warn"),
        make_rule(id="tight", maximum=0.5),
        make_rule(
            id="least",
            metric="refusal-rate",
            subjects=(Subject(set="regular", mask="none"),),
            minimum=80.0,
            maximum=None,
            unit="%",
            bound="lower",
        ),
    )
    return [
        evaluate(fine, make_policy(*rules[:2]), TODAY),
        evaluate(fine, make_policy(*rules), TODAY),
        evaluate(faulty, make_policy(*rules), TODAY),
        evaluate(faulty, make_policy(*rules, waivers=(make_waiver(faulty),)), TODAY),
        evaluate(fine, make_policy(), TODAY),
    ]


def test_round_trip_through_text() -> None:
    found = verdicts()
    assert {v.result for v in found} == {"pass", "fail", "inconclusive"}
    for verdict in found:
        data = verdict_to_json(verdict)
        validator("verdict-v1").validate(data)
        text = json.dumps(data, allow_nan=False)
        assert verdict_from_json(json.loads(text)) == verdict


def test_no_expert_is_named() -> None:
    text = json.dumps(verdict_to_json(verdicts()[2]))
    assert '"experts"' not in text
    assert '"layer"' not in text


def test_the_shape_on_disk() -> None:
    data = verdict_to_json(verdicts()[2])
    assert list(data) == [
        "schema",
        "result",
        "headline",
        "fail_on",
        "summary",
        "evidence",
        "policy",
        "checkpoint",
        "judged_on",
        "requirements",
        "outcomes",
        "warnings",
        "departures",
    ]
    assert data["schema"] == "gatekeeper/verdict/v1"
    assert data["judged_on"] == "2026-11-23"
    assert data["outcomes"][0]["rule"]["max"] == 10.0
    assert data["outcomes"][1]["decisive"]["missing"]


def _broken() -> list[Any]:
    good = verdict_to_json(verdicts()[2])
    outcome = good["outcomes"][0]
    return [
        None,
        [],
        {},
        {**good, "schema": "gatekeeper/verdict/v2"},
        {**good, "result": "waived"},
        {**good, "extra": 1},
        {**good, "judged_on": "2026-02-30"},
        {k: v for k, v in good.items() if k != "outcomes"},
        {**good, "outcomes": [{**outcome, "result": "ok"}]},
        {**good, "outcomes": [{**outcome, "decisive": {}}]},
        {**good, "outcomes": [{**outcome, "decisive": {**outcome["decisive"], "value": "1"}}]},
        {**good, "outcomes": [{**outcome, "rule": {**outcome["rule"], "subjects": [{"x": 1}]}}]},
    ]


@pytest.mark.parametrize("index", range(12))
def test_anything_else_does_not_verify(index: int) -> None:
    with pytest.raises(EvidenceError) as caught:
        verdict_from_json(_broken()[index], where="verdict.json")
    assert caught.value.exit_code is ExitCode.NOT_VERIFIED
    assert caught.value.where == "verdict.json"
    assert str(caught.value).isprintable()
