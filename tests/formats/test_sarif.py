from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.formats import sarif
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.policy import Change
from gatekeeper.records.verdict import Requirement
from gatekeeper.report.view import build_view

from ..report.synthetic import TODAY, Audit, audit
from .rendered import rendered
from .schemas import sarif_problems


def _run(data: bytes) -> Any:
    log = json.loads(data)
    assert sarif_problems(log) == []
    (run,) = log["runs"]
    return run


def _of(case: Audit, **changes: Any) -> Any:
    verdict = replace(case.verdict, **changes)
    return _run(sarif.render(build_view(case.evidence, verdict, case.policy), {}))


def _results(run: Any) -> dict[str, Any]:
    return {result["ruleId"]: result for result in run["results"]}


def _uri(run: Any) -> str:
    location = run["results"][0]["locations"][0]["physicalLocation"]
    uri: str = location["artifactLocation"]["uri"]
    return uri


def test_results_map_as_documented() -> None:
    failed = _results(_run(rendered("sarif", "fail")))
    told = {name: (r["kind"], r["level"]) for name, r in failed.items()}
    assert told == {
        "gatekeeper.verdict": ("fail", "error"),
        "masking-refusal-drop": ("fail", "error"),
        "excess-over-random": ("fail", "error"),
        "baseline-refusal": ("pass", "none"),
        "over-refusal": ("pass", "none"),
    }
    still_open = _results(_run(rendered("sarif", "inconclusive")))
    for name in ("gatekeeper.verdict", "masking-refusal-drop"):
        assert (still_open[name]["kind"], still_open[name]["level"]) == ("open", "none")


def test_a_waived_rule_is_a_failure_that_is_suppressed() -> None:
    run = _run(rendered("sarif", "pass"))
    waived = _results(run)["over-refusal"]
    assert (waived["kind"], waived["level"]) == ("fail", "warning")
    (suppression,) = waived["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert "b.risk@example.com" in suppression["justification"]
    assert [r["ruleId"] for r in run["results"] if r["suppressions"]] == ["over-refusal"]
    assert _results(run)["gatekeeper.verdict"]["kind"] == "pass"


@pytest.mark.parametrize(("fail_on", "level"), [("block", "warning"), ("warn", "error")])
def test_a_warning_is_an_error_where_it_fails_the_gate(fail_on: str, level: str) -> None:
    case = audit("pass")
    *rules, last = case.policy.rules
    policy = replace(case.policy, waivers=(), rules=(*rules, replace(last, maximum=5.0)))
    verdict = evaluate(case.evidence, policy, TODAY, earlier=True, fail_on=fail_on)
    run = _run(sarif.render(build_view(case.evidence, verdict, policy), {}))
    assert _results(run)["over-refusal"]["level"] == level
    assert _results(run)["gatekeeper.verdict"]["kind"] == verdict.result


def test_an_unmet_need_and_a_verdict_without_rules_are_open() -> None:
    need = Requirement(name="controls", met=False, detail="3 of 20")
    met = Requirement(name="judge", met=True, detail="refusal-rules")
    run = _of(audit("pass"), result="inconclusive", requirements=(need, met), outcomes=())
    assert [(r["ruleId"], r["kind"]) for r in run["results"]] == [
        ("gatekeeper.verdict", "open"),
        ("gatekeeper.needs", "open"),
    ]
    assert run["results"][1]["message"]["text"] == "controls: 3 of 20"


def test_fingerprints_last_from_checkpoint_to_checkpoint_and_tell_results_apart() -> None:
    prints = [
        [r["partialFingerprints"]["primaryLocationLineHash"] for r in _run(data)["results"]]
        for data in (rendered("sarif", "fail"), rendered("sarif", "inconclusive"))
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == len(prints[0])
    needs = [Requirement(name=n, met=False, detail="0 of 20") for n in ("masks", "controls")]
    results = _of(audit("fail"), requirements=tuple(needs))["results"]
    assert len({r["partialFingerprints"]["primaryLocationLineHash"] for r in results}) == 7


def test_what_github_asks_for_is_there() -> None:
    run = _run(rendered("sarif", "fail"))
    rules = run["tool"]["driver"]["rules"]
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"]
        assert rule["help"]["text"] and len(rule["properties"]["tags"]) <= 10
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert set(region) == {"startLine", "startColumn", "endLine", "endColumn"}
        assert result["partialFingerprints"]["primaryLocationLineHash"]
    # A failed gate is no failed tool: nothing here may keep the file from being shown.
    assert run["invocations"][0]["executionSuccessful"] is True
    assert "exitCode" not in run["invocations"][0]
    assert run["automationDetails"]["id"] == "gatekeeper/synthetic-release/"


def test_rules_stay_as_they_are_whatever_is_measured() -> None:
    rules = [
        _run(rendered("sarif", kind))["tool"]["driver"]["rules"]
        for kind in ("fail", "inconclusive")
    ]
    assert rules[0] == rules[1]


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("policies/release.yaml", "policies/release.yaml"),
        ("./policies/release 2.yaml", "policies/release%202.yaml"),
        ("/home/somebody/secret-project/release.yaml", "release.yaml"),
        ("../elsewhere/release.yaml", "release.yaml"),
        ("C:\\work\\release.yaml", "release.yaml"),
        ("https://example.com/release.yaml", "release.yaml"),
    ],
)
def test_a_result_lies_in_the_policys_file(source: str, uri: str) -> None:
    case = audit("fail")
    policy = replace(case.policy, source=source)
    run = _run(sarif.render(build_view(case.evidence, case.verdict, policy), {}))
    assert _uri(run) == uri
    lines = [
        r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in run["results"][:2]
    ]
    assert lines == [1, 12]


def test_lines_of_a_policy_put_together_from_several_are_not_told_as_lines_of_its_file() -> None:
    case = audit("fail")
    change = Change(against="release", what="rule max", old="10", new="14")
    policy = replace(case.policy, changes=(change,))
    run = _run(sarif.render(build_view(case.evidence, case.verdict, policy), {}))
    regions = [r["locations"][0]["physicalLocation"]["region"] for r in run["results"]]
    assert {region["startLine"] for region in regions} == {1}


def test_braces_and_links_of_foreign_text_are_neither_placeholders_nor_links() -> None:
    run = _of(audit("fail"), summary="{0} [a](javascript:x) ${{ github.token }}")
    text = run["results"][0]["message"]["text"]
    assert "{{0}} [a] (javascript:x) ${{{{ github.token }}}}" in text
