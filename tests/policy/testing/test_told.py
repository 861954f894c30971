"""Told numbers are judged as the gate judges measured ones."""

from __future__ import annotations

import random

import pytest

from gatekeeper.policy.asked import asked
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.testing.numbers import Number
from gatekeeper.policy.testing.told import Setting, judge_told
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.records.policy import EvidenceNeeds
from gatekeeper.records.trial import Mask
from tests.policy.builders import TODAY, make_evidence, make_policy, make_rule, make_waiver

N = 60
_NEEDS = EvidenceNeeds(
    selectors=("attribution", "greedy"), ks=(2, 4), random_masks=0, prompts={"regular": N}
)
RULES = (
    make_rule(id="drop", subjects=(Subject(k=2, set="regular"), Subject(k=4, set="regular"))),
    make_rule(id="warned", subjects=(Subject(k=4, set="regular"),), maximum=5.0, severity="warn"),
    make_rule(
        id="refuses",
        metric="refusal-rate",
        subjects=(Subject(set="regular", mask="none"),),
        minimum=70.0,
        maximum=None,
        unit="%",
        bound="lower",
    ),
    make_rule(id="estimate", subjects=(Subject(k=2, set="regular"),), bound="estimate"),
)


@pytest.mark.parametrize("seed", range(12))
def test_as_the_gate_judges_the_same_counts(seed: int) -> None:
    rng = random.Random(seed)
    most = rng.choice((3, 12, 40))
    lost = {(s, k): rng.randint(0, most) for s in _NEEDS.selectors for k in _NEEDS.ks}
    refused = rng.choice((N, 50, 40))

    def outcome(mask: Mask, prompt_set: str, index: int) -> str:
        if prompt_set != "regular" or index >= refused:
            return "comply"
        gone = mask.arm == "selected" and index < min(lost[mask.selector or "", mask.k], refused)
        return "comply" if gone else "refuse"

    evidence = make_evidence(
        outcome,
        counts={"regular": N, "benign": 20},
        selectors=_NEEDS.selectors,
        ks=_NEEDS.ks,
        controls=0,
    )
    waivers = (make_waiver(evidence, rule="drop", not_above=30.0),) if seed % 3 == 0 else ()
    policy = make_policy(*RULES, needs=_NEEDS, waivers=waivers)
    for fail_on in ("block", "warn"):
        real = evaluate(evidence, policy, TODAY, fail_on=fail_on)
        assert all(need.met for need in real.requirements), real.requirements
        setting = Setting(today=TODAY, checkpoint=evidence.checkpoint.digest, fail_on=fail_on)
        same = judge_told(
            policy,
            lambda _rule, at: (
                Number(count=refused, n=N)
                if at.k is None
                else Number(count=min(lost[at.selector or "", at.k], refused), n=N)
            ),
            setting,
            asked(policy),
        )
        assert same.headline == real.headline
        for told_one, real_one in zip(same.outcomes, real.outcomes, strict=True):
            assert told_one.result == real_one.result, real_one.explanation
            assert isinstance(told_one.decisive, Finding)
            assert isinstance(real_one.decisive, Finding)
            assert told_one.decisive.interval == real_one.decisive.interval


def test_an_unmet_need_keeps_from_passing_and_not_from_failing() -> None:
    policy = make_policy(*RULES, needs=_NEEDS)
    good, bad = (
        lambda _rule, at: Number(count=N if at.k is None else 0, n=N),
        lambda _rule, at: Number(count=N, n=N),
    )
    for unmet, answers, code in ((False, good, 0), (True, good, 11), (True, bad, 10)):
        lacking = frozenset({"search.budget"} if unmet else ())
        setting = Setting(today=TODAY, unmet=lacking)
        assert judge_told(policy, answers, setting, asked(policy)).exit_code == code


def test_what_is_not_told_is_missing() -> None:
    policy = make_policy(RULES[0], needs=_NEEDS)
    verdict = judge_told(policy, lambda _rule, _at: None, Setting(today=TODAY), ())
    assert verdict.headline == "inconclusive"
