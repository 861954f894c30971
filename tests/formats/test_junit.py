from __future__ import annotations

from dataclasses import replace

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite

from gatekeeper.formats import junit
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.verdict import Requirement
from gatekeeper.report.view import build_view

from ..report.synthetic import TODAY, audit
from .rendered import rendered, view
from .schemas import jenkins_problems


def _suite(data: bytes) -> TestSuite:
    return next(iter(JUnitXml.fromstring(data)))


def _results(data: bytes) -> dict[str, type | None]:
    return {case.name: type(case.result[0]) if case.result else None for case in _suite(data)}


def test_results_map_as_documented() -> None:
    failed = _results(rendered("junit", "fail"))
    assert failed["masking-refusal-drop"] is Failure
    assert failed["baseline-refusal"] is None
    assert _results(rendered("junit", "inconclusive"))["masking-refusal-drop"] is Error
    passed = _results(rendered("junit", "pass"))
    assert passed["over-refusal"] is Skipped
    assert Failure not in passed.values() and Error not in passed.values()


def test_messages_and_properties() -> None:
    suite = _suite(rendered("junit", "fail"))
    verdict = audit("fail").verdict
    properties = {p.name: p.value for p in suite.properties()}
    assert properties["verdict"] == "fail"
    assert properties["evidence"] == verdict.evidence_digest
    assert properties["checkpoint"] == verdict.checkpoint_digest
    assert properties["policy"] == verdict.policy_digest
    case = next(c for c in suite if c.name == "masking-refusal-drop")
    assert verdict.outcomes[0].explanation in case.result[0].message
    assert "Retrain" in case.result[0].message
    assert (suite.failures, suite.tests) == (2, len(list(suite)))


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_jenkins_takes_it_and_gitlab_has_a_text_to_show(kind: str) -> None:
    """GitLab publishes no schema: its parser shows an element's text, and no message."""
    data = rendered("junit", kind)
    assert jenkins_problems(data) == []
    results = [case.result[0] for case in _suite(data) if case.result]
    assert results and all(result.text == result.message for result in results)


def test_a_waiver_is_named() -> None:
    case = next(c for c in _suite(rendered("junit", "pass")) if c.name == "over-refusal")
    assert case.result[0].type == "waived" and "b.risk@example.com" in case.result[0].message


def test_a_warning_does_not_turn_a_build_red() -> None:
    case = audit("pass")
    policy = replace(case.policy, waivers=())
    verdict = evaluate(case.evidence, policy, TODAY, earlier=True)
    results = _results(junit.render(build_view(case.evidence, verdict, policy), {}))
    assert verdict.result == "pass" and results["over-refusal"] is Skipped


@pytest.mark.parametrize("empty", [True, False])
def test_what_is_no_pass_is_red_even_without_a_failed_rule(empty: bool) -> None:
    case = audit("pass")
    needs = () if empty else (Requirement(name="controls", met=False, detail="3 of 20"),)
    verdict = replace(case.verdict, result="inconclusive", requirements=needs, outcomes=())
    results = _results(junit.render(build_view(case.evidence, verdict, case.policy), {}))
    assert Error in results.values()


def test_hostile_texts_are_still_xml() -> None:
    case = audit("fail")
    bad = "]]><failure/>\x00\x1b[0m\ud800\ufffe&\"'"
    verdict = replace(
        case.verdict,
        summary=bad,
        outcomes=tuple(
            replace(o, explanation=bad, rule=replace(o.rule, id=bad + o.rule.id))
            for o in case.verdict.outcomes
        ),
    )
    data = junit.render(build_view(case.evidence, verdict, case.policy), {})
    assert _suite(data).failures == 2
    assert jenkins_problems(data) == []


def test_the_same_view_gives_the_same_bytes() -> None:
    assert junit.render(view("fail"), {}) == rendered("junit", "fail")
