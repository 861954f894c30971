"""One prompt copied under a hundred ids and seeds must not look like a hundred prompts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.analysis.outcomes import outcome_table
from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.needs import requirements
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Missing

from .builders import EVIDENCE, TODAY, make_policy, make_rule

POLICY = make_policy(make_rule())


def copied(evidence: Evidence, **digests: str) -> Evidence:
    """All prompts of a set with one text, each under an id and a seed of its own."""
    prompts = tuple(
        replace(p, **{key: value.format(p.set).ljust(64, "0") for key, value in digests.items()})
        for p in evidence.suite.prompts
    )
    return replace(evidence, suite=replace(evidence.suite, prompts=prompts))


COPIES = [
    copied(EVIDENCE, text_sha256="{}"),
    copied(EVIDENCE, folded_sha256="{}"),  # the same but for case: exact digests differ
]


def need(evidence: Evidence, name: str, policy=POLICY):
    return next(n for n in requirements(evidence, policy) if n.name == name)


@pytest.mark.parametrize("evidence", COPIES, ids=["exact", "folded"])
def test_copies_cannot_pass(evidence: Evidence) -> None:
    assert evaluate(EVIDENCE, POLICY, TODAY).result == "pass"
    verdict = evaluate(evidence, POLICY, TODAY)
    assert verdict.result == "inconclusive"
    assert not need(evidence, "prompts: regular").met
    assert "1 measured of different text (40 in all), 40 needed" in verdict.summary


@pytest.mark.parametrize("evidence", COPIES, ids=["exact", "folded"])
def test_copies_are_one_cluster_and_claim_nothing(evidence: Evidence) -> None:
    assert len(set(outcome_table(evidence).set_seeds("regular"))) == 1
    assert all(isinstance(found, Missing) for found in measure_all(evidence))


def test_a_seed_of_many_prompts_does_not_fill_a_need_for_seeds() -> None:
    seeds = {p.id: p.seed_id for p in EVIDENCE.suite.prompts}
    few = tuple(
        replace(p, seed_id=f"seed-{int(seeds[p.id][5:]) % 10}") for p in EVIDENCE.suite.prompts
    )
    evidence = replace(EVIDENCE, suite=replace(EVIDENCE.suite, prompts=few))
    policy = replace(POLICY, needs=replace(POLICY.needs, seeds={"regular": 40}))
    assert need(EVIDENCE, "seeds: regular", policy).met
    found = need(evidence, "seeds: regular", policy)
    assert (found.met, found.detail) == (False, "10 measured, 40 needed")
    assert need(evidence, "prompts: regular", policy).met


def test_a_text_that_selects_may_not_measure() -> None:
    first, second = EVIDENCE.suite.prompts[:2]
    twin = replace(second, split="selection", text_sha256=first.text_sha256)
    prompts = (first, twin, *EVIDENCE.suite.prompts[2:])
    evidence = replace(EVIDENCE, suite=replace(EVIDENCE.suite, prompts=prompts))
    assert need(EVIDENCE, "split").met
    # The seed is shared by the sets, so joining two joins four prompts each.
    assert not need(evidence, "split").met
    assert evaluate(evidence, POLICY, TODAY).result == "inconclusive"


def test_a_policy_can_pin_its_suite() -> None:
    suite = EVIDENCE.suite
    for name, digest, met in (
        (suite.id, None, True),
        (None, suite.digest, True),
        (suite.id, suite.digest, True),
        ("another", None, False),
        (suite.id, "sha256:" + "9" * 64, False),
    ):
        needs = replace(POLICY.needs, suite_id=name, suite_digest=digest)
        policy = replace(POLICY, needs=needs)
        result = evaluate(EVIDENCE, policy, TODAY).result
        assert result == ("pass" if met else "inconclusive"), (name, digest)
