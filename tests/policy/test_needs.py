from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.evidence import Evidence, SelfTestCheck
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import EvidenceNeeds
from gatekeeper.records.verdict import Verdict

from .builders import (
    EVIDENCE,
    SELECTORS,
    TODAY,
    concentrated,
    make_evidence,
    make_policy,
    make_rule,
)

NEEDS = make_policy().needs


def unmet(verdict: Verdict) -> set[str]:
    return {need.name for need in verdict.requirements if not need.met}


ZERO = EvidenceNeeds(selectors=(), ks=(), random_masks=0, prompts={})


@pytest.mark.thorough
@pytest.mark.parametrize("needs", [NEEDS, ZERO])
def test_empty_anything_never_passes(needs: EvidenceNeeds) -> None:
    rule = make_rule(subjects=(Subject(k=4, set="regular", selector="attribution"),))
    full = make_policy(rule, needs=needs)
    assert evaluate(EVIDENCE, full, TODAY).result == "pass"
    empty = [
        (EVIDENCE, replace(full, rules=())),
        (EVIDENCE, replace(full, rules=(replace(rule, subjects=()),))),
        (EVIDENCE, replace(full, rules=(replace(rule, maximum=None),))),
        (EVIDENCE, replace(full, rules=(replace(rule, minimum=0.0),))),
        (replace(EVIDENCE, trials=()), full),
        (replace(EVIDENCE, masks=()), full),
        (replace(EVIDENCE, suite=replace(EVIDENCE.suite, prompts=())), full),
        (replace(EVIDENCE, self_test=()), full),
        (replace(EVIDENCE, model=replace(EVIDENCE.model, sites=())), full),
    ]
    for evidence, policy in empty:
        assert evaluate(evidence, policy, TODAY).result == "inconclusive"


def test_a_masked_rule_without_any_selector_cannot_pass() -> None:
    verdict = evaluate(EVIDENCE, make_policy(make_rule(), needs=ZERO), TODAY)
    assert verdict.result == "inconclusive"
    assert "names nothing" in verdict.outcomes[0].explanation


def test_warnings_alone_pass_only_if_something_was_measured() -> None:
    rule = make_rule(severity="warn")
    assert evaluate(EVIDENCE, make_policy(rule), TODAY).result == "pass"
    policy = make_policy(replace(rule, subjects=(Subject(k=99, set="regular"),)))
    assert evaluate(EVIDENCE, policy, TODAY).result == "inconclusive"


def test_why_a_ranking_is_missing_is_told_to_its_end() -> None:
    why = (
        "fold 1: 398 of 420 unmasked replies begin with reasoning: their first token is not the "
        "decision; audit with --thinking off, if the template has that"
    )
    evidence = replace(_skipped(EVIDENCE), skipped_selectors={"attribution": why})
    said = evaluate(evidence, make_policy(make_rule()), TODAY)
    assert why in said.summary


def _skipped(evidence: Evidence) -> Evidence:
    return replace(
        evidence,
        selections=evidence.selections[:2],
        skipped_selectors={"attribution": "no refused replies to attribute"},
    )


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (lambda e: replace(e, model=replace(e.model, sites=())), "architecture", "dense"),
        (
            lambda e: replace(
                e, self_test=(*e.self_test, SelfTestCheck(name="hook", passed=False, detail=""))
            ),
            "self-test",
            "failed: hook",
        ),
        (
            lambda e: replace(e, settings=replace(e.settings, judge="oracle")),
            "judge",
            "no judge 'oracle'",
        ),
        (_skipped, "selector: attribution", "no refused replies"),
        (
            lambda e: replace(e, masks=tuple(m for m in e.masks if m.control != 0)),
            "controls: attribution",
            "19 different random masks at k 4, 20 needed",
        ),
        (
            lambda e: replace(e, masks=tuple(m for m in e.masks if m.arm != "selected")),
            "masks: attribution",
            "k 4 not run",
        ),
        (
            lambda e: replace(
                e,
                suite=replace(
                    e.suite,
                    prompts=tuple(
                        replace(p, skipped="too long") if p.id == "regular-0" else p
                        for p in e.suite.prompts
                    ),
                ),
            ),
            "prompts: regular",
            "39 measured, 40 needed",
        ),
        (
            lambda e: replace(
                e,
                suite=replace(
                    e.suite,
                    prompts=tuple(replace(p, split="selection") for p in e.suite.prompts),
                ),
            ),
            "prompts: regular",
            "0 measured, 40 needed",
        ),
        (
            lambda e: replace(e, trials=(replace(e.trials[0], outcome="shrug"), *e.trials[1:])),
            "judge",
            "neither refusal",
        ),
    ],
)
def test_a_need_that_is_not_met_is_never_a_pass(change, name: str, words: str) -> None:
    policy = make_policy(make_rule())
    whole = evaluate(EVIDENCE, policy, TODAY)
    assert whole.result == "pass"
    assert not unmet(whole)
    verdict = evaluate(change(EVIDENCE), policy, TODAY)
    assert verdict.result == "inconclusive"
    assert name in unmet(verdict)
    assert any(words in need.detail for need in verdict.requirements if need.name == name)
    assert verdict.summary.startswith("Inconclusive: ")


def test_masks_and_controls_are_needed_at_every_k() -> None:
    evidence = make_evidence(ks=(4, 8), controls=3)
    fewer = replace(evidence, masks=tuple(m for m in evidence.masks if (m.k, m.control) != (4, 0)))
    needs = replace(NEEDS, ks=(4, 8), random_masks=3)
    policy = make_policy(make_rule(), needs=needs)
    assert not unmet(evaluate(evidence, policy, TODAY))
    assert unmet(evaluate(fewer, policy, TODAY)) == {f"controls: {name}" for name in SELECTORS}


@pytest.mark.parametrize(
    ("ks", "words"),
    [((4, 8), "k 4, 8 run"), ((4, 5, 6), "k 5, 6 not run")],
)
def test_sizes_that_were_run_or_not_are_named(ks: tuple[int, ...], words: str) -> None:
    policy = make_policy(make_rule(), needs=replace(NEEDS, ks=ks))
    verdict = evaluate(make_evidence(ks=(4, 8), controls=3), policy, TODAY)
    told = {need.name: need.detail for need in verdict.requirements}
    assert {told[f"masks: {name}"] for name in SELECTORS} == {words}


def test_a_mask_that_was_only_planned_does_not_count() -> None:
    names = {m.name for m in EVIDENCE.masks if m.arm == "control"}
    planned = replace(EVIDENCE, trials=tuple(t for t in EVIDENCE.trials if t.mask not in names))
    verdict = evaluate(planned, make_policy(make_rule()), TODAY)
    assert unmet(verdict) == {f"controls: {name}" for name in SELECTORS}


def test_no_measured_prompt_is_a_need_not_met() -> None:
    verdict = evaluate(replace(EVIDENCE, trials=()), make_policy(make_rule(), needs=ZERO), TODAY)
    assert "prompts" in unmet(verdict)


def test_an_optional_check_that_is_switched_off_does_not_fail_the_self_test() -> None:
    """Where rows do not share a prefix, they are computed one by one, and nothing is untested."""
    off = SelfTestCheck(name="prefix", passed=False, detail="it is switched off")
    verdict = evaluate(
        replace(EVIDENCE, self_test=(*EVIDENCE.self_test, off)), make_policy(make_rule()), TODAY
    )
    assert verdict.result == "pass"
    need = next(n for n in verdict.requirements if n.name == "self-test")
    assert (need.met, need.detail) == (True, "9 checks of the hooks passed; switched off: prefix")
    alone = evaluate(replace(EVIDENCE, self_test=(off,)), make_policy(make_rule()), TODAY)
    assert unmet(alone) == {"self-test"}


def test_a_judge_must_know_the_language() -> None:
    evidence = make_evidence(ks=(4,), controls=20, language="tlh")
    verdict = evaluate(evidence, make_policy(make_rule()), TODAY)
    assert unmet(verdict) == {"judge"}
    regional = make_evidence(ks=(4,), controls=20, language="en-GB")
    assert evaluate(regional, make_policy(make_rule()), TODAY).result == "pass"


def test_a_clear_fail_stays_a_fail_whatever_else_is_unmet() -> None:
    evidence = make_evidence(concentrated, ks=(4,), controls=3)
    verdict = evaluate(evidence, make_policy(make_rule()), TODAY)
    assert verdict.result == "fail"
    assert "controls: attribution" in unmet(verdict)


def test_a_dense_model_is_allowed_where_the_policy_says_any() -> None:
    dense = replace(EVIDENCE, model=replace(EVIDENCE.model, sites=()))
    verdict = evaluate(dense, make_policy(make_rule(), architecture="any"), TODAY)
    assert verdict.result == "pass"
