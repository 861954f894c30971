from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gatekeeper.formats import json as json_format
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.finding import Finding
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.view import build_view

from ..report.synthetic import TODAY, audit
from .rendered import rendered, view

SCHEMA = json.loads(Path(json_format.__file__).with_name("report-v1.json").read_text())


def _check(data: bytes) -> Any:
    report = json.loads(data)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(report, SCHEMA, jsonschema.Draft202012Validator)
    return report


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
@pytest.mark.parametrize("level", list(Disclosure))
def test_it_follows_its_schema(kind: str, level: Disclosure) -> None:
    report = _check(rendered("json", kind, level))
    assert report["verdict"]["result"] == kind
    assert report["document"]["disclosure"] == level
    assert bool(report["experts"]) is (level is Disclosure.RESTRICTED)


def test_it_holds_verdict_and_findings_unrounded() -> None:
    report, case = _check(rendered("json", "fail")), audit("fail")
    assert len(report["findings"]) == len(case.evidence.findings)
    for stored, found in zip(report["findings"], case.evidence.findings, strict=True):
        assert isinstance(found, Finding)
        assert stored["value"] == found.value and stored["n"] == found.n
        assert stored["interval"]["low"] == found.interval.low
    assert [r["result"] for r in report["rules"]] == [o.result for o in case.verdict.outcomes]


def test_what_is_missing_is_said() -> None:
    case = audit("fail")
    bare = replace(case.evidence, findings=(), masks=(), trials=(), selections=())
    verdict = evaluate(bare, case.policy, TODAY, earlier=True)
    report = _check(json_format.render(build_view(bare, verdict, case.policy), {}))
    assert all("missing" in rule["decisive"] for rule in report["rules"])
    assert report["controls"] == []


def test_the_same_view_gives_the_same_bytes() -> None:
    assert json_format.render(view("fail"), {}) == rendered("json", "fail")
