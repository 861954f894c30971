"""What holds of every kind of rule at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import Rule

from .builders import TODAY, make_policy, make_rule, safe
from .test_parts import DROP, in_categories, lost_in_one

PLAIN = Subject(set="regular", mask="none")
EVIDENCE, BASELINE = in_categories(lost_in_one, count=60), in_categories(safe, count=60)


def rules(limit: float) -> tuple[Rule, ...]:
    """One rule of each kind; a smaller limit is a stricter one of each."""
    whole = make_rule(id="whole", subjects=(DROP,), maximum=limit)
    return (
        whole,
        replace(whole, id="one", subjects=(replace(DROP, category="part-1"),)),
        replace(whole, id="each", subjects=(replace(DROP, each="language"),)),
        replace(whole, id="between", minimum=0.0, bound="both"),
        make_rule(id="worse", metric="refusal-rate", subjects=(PLAIN,), maximum=limit,
                  regression=True),
    )  # fmt: skip


def results(given_rules: tuple[Rule, ...], **changes: Any) -> dict[str, str]:
    evidence = replace(EVIDENCE, **changes)
    verdict = evaluate(evidence, make_policy(*given_rules), TODAY, baseline=BASELINE)
    return {o.rule.id: o.result for o in verdict.outcomes} | {"": verdict.result}


@settings(max_examples=12, deadline=None)
@given(data=st.data(), limit=st.floats(0, 100))
def test_the_order_of_rules_is_irrelevant(data: st.DataObject, limit: float) -> None:
    shuffled = data.draw(st.permutations(rules(limit)))
    assert results(tuple(shuffled)) == results(rules(limit))


@settings(max_examples=12, deadline=None)
@given(limits=st.tuples(st.floats(0, 100), st.floats(0, 100)).map(sorted))
def test_a_stricter_limit_never_passes_what_a_looser_failed(limits: list[float]) -> None:
    strict, loose = (results(rules(limit)) for limit in limits)
    for name, result in strict.items():
        if result == "pass":
            assert loose[name] == "pass"


@settings(max_examples=12, deadline=None)
@given(limit=st.floats(0, 100), kept=st.sets(st.integers(0, 59)), whole=st.booleans())
def test_less_evidence_never_makes_a_pass(limit: float, kept: set[int], whole: bool) -> None:
    before = results(rules(limit))
    fewer = tuple(
        t for t in EVIDENCE.trials
        if int(t.prompt_id.rpartition("-")[2]) in kept or (whole and t.mask != "unmasked")
    )  # fmt: skip
    after = results(rules(limit), trials=fewer)
    for name, result in before.items():
        if result != "pass":
            assert after[name] != "pass"
