"""An audit beside that of the last release: what became worse, and what does not compare."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.policy.compared import OTHER_SUBJECT, UNPAIRED, compare_release
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.records.compared import Compared, RuleChange
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.report.plain import from_plain, to_plain

from ..report.synthetic import TODAY
from ..typed import some
from .builders import concentrated, safe
from .profiled import profiled_evidence


@cache
def policy() -> Policy:
    return load_policy(bundled("policies") / "release.yaml")


@cache
def evidence(kind: str) -> Evidence:
    made = profiled_evidence({"safe": safe, "concentrated": concentrated}[kind])
    return replace(made, digest="sha256:" + kind[0] * 64)


@cache
def verdict(kind: str):
    return evaluate(evidence(kind), policy(), TODAY, advise=False)


def compared(
    now: str = "concentrated", then: Evidence | None = None, old: Policy | None = None
) -> Compared:
    baseline = evidence("safe") if then is None else then
    return compare_release(
        evidence(now), verdict(now), policy(), baseline, verdict("safe"), old or policy()
    )


def of(told: Compared, rule: str) -> RuleChange:
    return next(change for change in told.rules if change.rule == rule)


def test_a_loss_is_told_with_both_numbers_and_its_interval() -> None:
    told = compared()
    change = of(told, "few-experts")
    assert (change.then_result, change.now_result) == ("inconclusive", "fail")
    assert change.change is not None and change.now is not None and change.then is not None
    assert change.change.value == pytest.approx(change.now.value - change.then.value)
    assert change.change.low > 0 and change.why in {UNPAIRED, OTHER_SUBJECT}
    assert not change.paired
    assert [one.rule for one in told.rules] == [rule.id for rule in policy().rules]


def test_the_same_prompts_without_a_mask_are_paired() -> None:
    change = of(compared(), "refuses-harmful")
    assert change.paired and change.why == "" and change.change is not None


def test_another_judge_keeps_numbers_from_comparing() -> None:
    settings = replace(evidence("safe").settings, judge="other", dtype="float16")
    told = compared(then=replace(evidence("safe"), settings=settings))
    assert all(change.change is None and "judge" in change.why for change in told.rules)
    by_name = {one.name: one for one in told.differences}
    assert by_name["judge"].bars and not by_name["dtype"].bars
    assert (by_name["dtype"].then, by_name["dtype"].now) == ("float16", "float32")
    assert told.differences[0].bars


def test_other_prompts_are_not_paired() -> None:
    suite = evidence("safe").suite
    prompts = tuple(replace(p, text_sha256=p.text_sha256[::-1]) for p in suite.prompts)
    other = replace(evidence("safe"), suite=replace(suite, prompts=prompts, digest="sha256:0"))
    told = compared(then=other)
    assert not any(change.paired for change in told.rules)
    assert "suite" in {one.name for one in told.differences}


def test_only_how_many_experts_are_the_same_is_told() -> None:
    told = compared()
    assert told.shared and all(0 <= one.shared <= one.size for one in told.shared)
    same = compared("safe")
    assert all(one.shared == one.size for one in same.shared)
    sites = evidence("safe").model.sites[:-1]
    other = replace(evidence("safe"), model=replace(evidence("safe").model, sites=sites))
    assert compared("safe", then=other).shared == ()


def test_a_looser_policy_is_found() -> None:
    same = some(compared().policy)
    assert (same.relation, same.parts) == ("same", ())
    rules = tuple(
        replace(rule, maximum=some(rule.maximum) / 2) if rule.id == "few-experts" else rule
        for rule in policy().rules
    )
    old = replace(policy(), rules=rules, digest="sha256:" + "9" * 64)
    told = some(compared(old=old).policy)
    assert told.relation == "looser"
    assert [(part.name, part.relation) for part in told.parts] == [("few-experts", "looser")]


def test_without_verdict_and_policy_that_is_said() -> None:
    told = compare_release(
        evidence("safe"), verdict("safe"), policy(), evidence("safe"), None, None
    )
    assert told.headline is None and told.policy is None
    assert all(c.change is None or c.change.value == 0 for c in told.rules)


def test_it_comes_back_from_a_file_as_it_was() -> None:
    told = compared()
    assert from_plain(Compared, json.loads(json.dumps(to_plain(told)))) == told
