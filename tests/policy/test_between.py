"""Rules with a least and a largest number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import UsageError
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.explain import explain
from gatekeeper.policy.wire import verdict_from_json, verdict_to_json
from gatekeeper.records.finding import Missing, Subject
from gatekeeper.records.verdict import Verdict

from .builders import EVIDENCE, SELECTORS, TODAY, make_policy, make_rule
from .test_load import GOOD, load
from .told import Told, told_metric, use_metric

_values = st.floats(-20, 120, allow_nan=False)
_told = st.dictionaries(
    st.sampled_from(SELECTORS), st.tuples(_values, st.floats(0.01, 60)), min_size=3
)
_limits = st.tuples(st.floats(0, 100), st.floats(0, 100)).map(sorted)


def held(values: Mapping[str, Told | Missing], **limits: Any) -> Verdict:
    rule = make_rule(metric="told", subjects=(Subject(k=4),), **{"bound": "both", **limits})
    with use_metric(told_metric(values)):
        return evaluate(EVIDENCE, make_policy(rule), TODAY)


@settings(max_examples=40, deadline=None)
@given(values=_told, limits=_limits)
def test_it_is_both_limits_and_no_less(values: dict[str, Told], limits: list[float]) -> None:
    least, largest = limits
    both = held(values, minimum=least, maximum=largest).outcomes[0]
    sides = [
        held(values, minimum=least, maximum=None).outcomes[0].result,
        held(values, minimum=None, maximum=largest).outcomes[0].result,
    ]
    if both.result == "pass":
        assert sides == ["pass", "pass"]
    if sides == ["pass", "pass"]:
        assert both.result == "pass"
    if both.result == "fail":
        assert "fail" in sides
    assert len(both.others) == 2
    narrow = held(values, minimum=least + (largest - least) / 4, maximum=largest).outcomes[0]
    if both.result != "pass":
        assert narrow.result != "pass"


def test_either_side_fails_and_is_told() -> None:
    values: dict[str, Told | Missing] = dict.fromkeys(SELECTORS, (50.0, 5.0))
    verdict = held(values, minimum=60.0, maximum=90.0)
    assert verdict.result == "fail"
    assert "the limit is between 60 and 90 points" in verdict.outcomes[0].explanation
    assert held(values, minimum=10.0, maximum=40.0).outcomes[0].result == "fail"
    assert held(values, minimum=40.0, maximum=60.0).outcomes[0].result == "pass"
    assert held(values, minimum=48.0, maximum=60.0).outcomes[0].result == "inconclusive"
    assert verdict_from_json(verdict_to_json(verdict)) == verdict
    nothing = Missing(metric="told", version=1, subject=Subject(), reason="x")
    values = {**values, "attribution": nothing}
    assert held(values, minimum=0.0, maximum=100.0).outcomes[0].result == "inconclusive"


def test_as_it_is_written(tmp_path: Path) -> None:
    text = GOOD.replace("max: 10 points", "between: [2 points, 10 points]")
    policy = load(tmp_path, text)
    assert (policy.rules[0].minimum, policy.rules[0].maximum) == (2.0, 10.0)
    assert "must be between 2 and 10 points" in explain(policy, TODAY)
    for wrong, words in (
        ("between: [10 points, 2 points]", "nothing lies between"),
        ("between: [2 points]", "is empty|too few|between"),
        ("between: [2 points, 10 %]", "measured in points"),
        ("between: [2 points, 9 points]\n    max: 10 points", "not exactly one limit"),
        ("between: [2 points, 9 points]\n    bound: upper", "straddles the between"),
    ):
        with pytest.raises(UsageError, match=words):
            load(tmp_path, GOOD.replace("max: 10 points", wrong))
