"""What a report says of how two judges agree: an interval of a sample, none of a census."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.report.view import build_view

from ..policy.builders import TODAY, make_evidence, make_policy, make_rule
from ..policy.twice import judged_twice

RULE = make_rule(
    id="agree",
    metric="judge-agreement",
    subjects=(Subject(),),
    minimum=90.0,
    maximum=None,
    unit="%",
    bound="lower",
)


def told(sample: int):
    evidence = make_evidence(ks=(4,), controls=3)
    evidence = judged_twice(
        evidence,
        lambda t: "degenerate" if t.prompt_id.endswith("-7") else t.outcome,
        sample=sample,
    )
    evidence = replace(evidence, findings=measure_all(evidence))
    policy = make_policy(RULE)
    return build_view(evidence, evaluate(evidence, policy, TODAY, earlier=True), policy)


@pytest.mark.parametrize("whole", [True, False])
def test_all_asked_is_said_in_place_of_an_interval(whole: bool) -> None:
    view = told(10**6 if whole else 200)
    (row,) = view.rules
    found = row.outcome.decisive
    assert isinstance(found, Finding)
    assert found.whole is whole
    assert found.value < 100
    assert (found.interval.low == found.interval.high) is whole
    assert (row.interval == "all asked") is whole
    assert (f"(all asked, n = {found.n} from {found.clusters} seeds)" in row.explanation) is whole
    assert ("asked about all of the replies" in view.method.second_judge) is whole
    assert ("asked about some of the replies" in view.method.second_judge) is not whole
    assert ("% interval" in view.method.second_judge) is not whole
    assert ("% interval" in row.explanation) is not whole
    assert any("all asked" in line for line in view.summary.numbers[0].detail) is whole


def test_other_findings_are_no_census() -> None:
    others = [f for f in told(10**6).findings if f.metric != "judge-agreement"]
    assert others
    assert not any(isinstance(f, Finding) and f.whole for f in others)
