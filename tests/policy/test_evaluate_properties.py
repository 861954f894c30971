from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.finding import Subject

from .builders import EVIDENCE, SELECTORS, TODAY, make_policy, make_rule, make_waiver
from .told import Told, told, told_metric, use_metric

NEEDS = make_policy().needs


_BETTER = {"fail": 0, "inconclusive": 1, "pass": 2}
_values = st.floats(-20, 120, allow_nan=False)
_halves = st.floats(0.01, 60)
_told = st.dictionaries(
    st.sampled_from(SELECTORS), st.tuples(_values, _halves), min_size=1, max_size=3
)
_limits = st.floats(0, 100)


def _waived(values: dict[str, Told], limit: float, ceiling: float | None) -> str:
    rule = make_rule(metric="told", subjects=(Subject(k=4),), maximum=limit)
    waiver = make_waiver(EVIDENCE, not_above=ceiling)
    needs = replace(NEEDS, selectors=tuple(values))
    with use_metric(told_metric(values)):
        return evaluate(EVIDENCE, make_policy(rule, needs=needs, waivers=(waiver,)), TODAY).result


@pytest.mark.thorough
@settings(max_examples=50, deadline=None)
@given(values=_told, limit=_limits, tighter=_limits)
def test_a_tighter_limit_never_helps(values: dict[str, Told], limit: float, tighter: float) -> None:
    tighter, limit = sorted((tighter, limit))
    assert _BETTER[told(values, tighter).result] <= _BETTER[told(values, limit).result]


@pytest.mark.thorough
@settings(max_examples=40, deadline=None)
@given(values=_told, limit=_limits, tighter=_limits, ceiling=st.none() | _limits)
def test_a_tighter_limit_never_helps_under_a_waiver(
    values: dict[str, Told], limit: float, tighter: float, ceiling: float | None
) -> None:
    tighter, limit = sorted((tighter, limit))
    if _waived(values, tighter, ceiling) == "pass":
        assert _waived(values, limit, ceiling) == "pass"


@pytest.mark.thorough
@settings(max_examples=50, deadline=None)
@given(values=_told, limit=_limits, factor=st.floats(1, 10))
def test_a_wider_interval_never_decides(
    values: dict[str, Told], limit: float, factor: float
) -> None:
    before = told(values, limit).result
    wider = {name: (value, half * factor) for name, (value, half) in values.items()}
    assert told(wider, limit).result in {before, "inconclusive"}


@settings(max_examples=40, deadline=None)
@given(values=_told, limit=_limits, more=st.tuples(_values, _halves))
def test_another_selector_never_makes_a_pass(
    values: dict[str, Told], limit: float, more: Told
) -> None:
    if told(values, limit).result != "pass":
        assert told({**values, "greedy": more}, limit).result != "pass"


@settings(max_examples=40, deadline=None)
@given(values=_told, limit=_limits)
def test_the_promised_prompts_do_decide(values: dict[str, Told], limit: float) -> None:
    more = told(values, limit).outcomes[0].more_prompts
    if more is not None:
        shrink = (100 / (100 + more.low)) ** 0.5 * (1 - 1e-6)
        larger = {name: (value, half * shrink) for name, (value, half) in values.items()}
        assert told(larger, limit).result != "inconclusive"
