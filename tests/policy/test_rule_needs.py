"""Prompts are counted behind each rule: where it was measured, and as many as it takes."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.floors import floors
from gatekeeper.policy.rule_needs import floors_by_set
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import Policy
from tests.typed import some

from .builders import EVIDENCE, TODAY, make_evidence, make_policy, make_rule

NEEDS = replace(make_policy().needs, prompts={}, power=0.8)


def asked(*rules) -> Policy:
    return make_policy(*(rules or (make_rule(),)), needs=NEEDS)


def told(evidence, policy) -> dict[str, str]:
    """Unmet needs and what is told of them."""
    verdict = evaluate(evidence, policy, TODAY)
    assert (verdict.result == "pass") == all(need.met for need in verdict.requirements)
    return {need.name: need.detail for need in verdict.requirements if not need.met}


def test_a_rule_takes_as_many_prompts_as_its_power_does() -> None:
    policy = asked()
    least = some(floors(policy)["drop"])
    enough = make_evidence(ks=(4,), controls=20, counts={"regular": least, "benign": 5})
    assert told(enough, policy) == {}
    fewer = make_evidence(ks=(4,), controls=20, counts={"regular": least - 1, "benign": 5})
    assert told(fewer, policy) == {
        "prompts behind rules: regular": f"{least - 1} measured, {least} needed (1 more) by drop"
    }


def test_each_set_is_told_once_with_the_rules_that_take_most() -> None:
    rules = [make_rule(id=f"r{i}", maximum=5.0 + i) for i in range(5)]
    found = told(EVIDENCE, asked(*rules))
    assert list(found) == ["prompts behind rules: regular"]
    assert found["prompts behind rules: regular"].endswith("by r0, r1, r2 and 2 more rules")


def test_warnings_take_no_prompts_and_small_limits_take_too_many() -> None:
    warning = make_rule(id="w", severity="warn", maximum=1.0)
    wide = make_rule(maximum=60.0)
    assert told(EVIDENCE, asked(wide, warning)) == {}
    found = told(EVIDENCE, asked(make_rule(maximum=0.1)))
    assert "no number of prompts can hold a limit as small as that of drop" in found.popitem()[1]


def test_prompts_of_one_seed_count_once() -> None:
    policy = asked(make_rule(maximum=30.0))
    least = some(floors(policy)["drop"])
    evidence = make_evidence(ks=(4,), controls=20, counts={"regular": 2 * least, "benign": 5})
    assert told(evidence, policy) == {}
    pairs = tuple(
        replace(p, seed_id=f"pair-{int(p.id.split('-')[1]) // 2 % (least - 1)}")
        if p.set == "regular"
        else p
        for p in evidence.suite.prompts
    )
    twins = replace(evidence, suite=replace(evidence.suite, prompts=pairs))
    assert list(told(twins, policy)) == ["prompts behind rules: regular"]


def test_what_a_policy_takes_of_each_set() -> None:
    jailbreak = make_rule(id="j", subjects=(Subject(k=4, set="jailbreak"),), maximum=20.0)
    policy = asked(make_rule(), jailbreak)
    found = floors_by_set(policy)
    assert found == {"regular": floors(policy)["drop"], "jailbreak": floors(policy)["j"]}
    typed = replace(policy, needs=replace(NEEDS, prompts={"regular": 9_000, "benign": 7}))
    assert floors_by_set(typed)["regular"] == 9_000
    assert floors_by_set(typed)["benign"] == 7
    plain = replace(policy, needs=replace(NEEDS, prompts={"benign": 7}, power=None))
    assert floors_by_set(plain) == {"benign": 7}
