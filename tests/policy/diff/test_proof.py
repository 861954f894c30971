"""What the comparison shows is so, and what it says is not there is not: on random evidence."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.policy.asked import asked
from gatekeeper.policy.diff.compare import Comparison, compare
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.testing.asks import ask_of
from gatekeeper.policy.testing.numbers import Number
from gatekeeper.policy.testing.told import Setting, judge_told
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import CardNeeds, Policy, Rule
from tests.policy.builders import EVIDENCE, make_policy

from .answering import answering
from .random_evidence import Drawn, draw, passes
from .random_policies import CHECKPOINTS, DAYS, TODAY, random_policy

_CONTEXTS = [(c, d, f) for f in ("block", "warn") for c in CHECKPOINTS for d in DAYS]
#: What the evidence of the builders meets.
_MET = replace(make_policy().needs, ks=(4,), selectors=("attribution",))
_PARTS = (("category", "a"), ("category", "b"))
_FLIPPED = {"stricter": "looser", "looser": "stricter"}


def pair(seed: int) -> tuple[Policy, Policy]:
    rng = random.Random(seed)
    old = random_policy(rng)
    return old, random_policy(rng, like=old)


def none_in(found: Comparison, drawn: Drawn) -> None:
    """No drawn evidence passes one policy and not the other where there is said to be none."""
    for checkpoint, day, fail_on in _CONTEXTS:
        old = passes(found.old, drawn, checkpoint, day, fail_on)
        new = passes(found.new, drawn, checkpoint, day, fail_on)
        if found.looser is None:
            assert not np.any(new & ~old), (checkpoint, day, fail_on)
        if found.stricter is None:
            assert not np.any(old & ~new), (checkpoint, day, fail_on)


@pytest.mark.parametrize("seed", range(60))
def test_where_none_was_found_there_is_none(seed: int) -> None:
    old, new = pair(seed)
    none_in(compare(old, new, TODAY), draw(old, new, 1000, seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_where_none_was_found_there_is_none_in_many(seed: int) -> None:
    old, new = pair(seed)
    none_in(compare(old, new, TODAY), draw(old, new, 100_000, seed))


def test_the_pairs_are_of_every_kind_and_random_evidence_would_tell_them_apart() -> None:
    """Else the test above could not fail: most of what is found is drawn as well."""
    found = [compare(*pair(seed), TODAY) for seed in range(120)]
    kinds = {kind: sum(one.relation == kind for one in found) for kind in _FLIPPED}
    kinds["same"] = sum(one.relation == "same" for one in found)
    kinds["incomparable"] = sum(one.relation == "incomparable" for one in found)
    assert min(kinds.values()) >= 5, kinds
    seen = 0
    looser = [(seed, one) for seed, one in enumerate(found) if one.looser is not None]
    for seed, one in looser:
        drawn = draw(one.old, one.new, 1000, seed)
        seen += any(
            np.any(passes(one.new, drawn, *at) & ~passes(one.old, drawn, *at)) for at in _CONTEXTS
        )
    assert seen >= 0.5 * len(looser), (seen, len(looser))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_laws(seed: int) -> None:
    """A policy is the same as itself, in any order; and what is stricter makes the other looser."""
    old, new = pair(seed)
    one, other = compare(old, new, TODAY), compare(new, old, TODAY)
    assert other.relation == _FLIPPED.get(one.relation, one.relation)
    assert (one.looser is None) == (other.stricter is None)
    assert compare(old, old, TODAY).relation == "same"
    shuffled = list(old.rules)
    random.Random(seed).shuffle(shuffled)
    assert compare(old, replace(old, rules=tuple(shuffled)), TODAY).relation == "same"


@settings(max_examples=60, deadline=None)
@given(
    limits=st.tuples(st.floats(0, 100), st.floats(0, 100)),
    estimate=st.booleans(),
    seed=st.integers(0, 10**9),
)
def test_a_stricter_limit_passes_nothing_that_a_looser_one_does_not(
    limits: tuple[float, float], estimate: bool, seed: int
) -> None:
    policy = random_policy(random.Random(seed))
    first, *rest = policy.rules
    if estimate:
        first = replace(first, bound="estimate")

    def limited(most: float, least: float) -> Policy:
        upper = first.maximum is not None
        rule = replace(first, maximum=most) if upper else replace(first, minimum=least)
        return replace(policy, rules=(rule, *rest))

    low, high = sorted(limits)
    strict, loose = limited(low, high), limited(high, low)
    found = compare(loose, strict, TODAY)
    assert found.looser is None
    drawn = draw(loose, strict, 200, seed % 2**32)
    for at in _CONTEXTS:
        assert not np.any(passes(strict, drawn, *at) & ~passes(loose, drawn, *at))


@pytest.mark.parametrize("seed", range(25))
def test_what_is_shown_is_judged_so_by_the_whole_gate(seed: int) -> None:
    """By `evaluate`, on evidence that meets all needs, with metrics that answer what is shown."""
    old, new = (replace(p, needs=_MET) for p in pair(seed))
    found = compare(old, new, TODAY).looser
    if found is None or found.witness is None:
        return
    told = dict(found.witness.told)
    for policy, passing in ((new, True), (old, False)):
        waivers = tuple(
            replace(w, checkpoint=EVIDENCE.checkpoint.digest)
            for w in policy.waivers
            if w.checkpoint == found.context.checkpoint
        )
        with answering(told):
            verdict = evaluate(
                EVIDENCE,
                replace(policy, waivers=waivers),
                found.context.today,
                fail_on=found.context.fail_on,
            )
        assert all(need.met for need in verdict.requirements), verdict.requirements
        assert (verdict.result == "pass") == passing, verdict.summary


@pytest.mark.parametrize("seed", range(40))
def test_who_passes_is_who_the_gate_passes(seed: int) -> None:
    """What these tests reckon with is what the gate does."""
    policy, other = pair(seed)
    drawn = draw(policy, other, 12, seed)
    for row in range(12):
        checkpoint, day, fail_on = _CONTEXTS[(seed + row) % len(_CONTEXTS)]

        def answers(rule: Rule, subject: Subject, row: int = row) -> Number | None:
            return drawn.number(row, ask_of(rule, subject))

        needs = policy.needs
        card = needs.judge_card or CardNeeds(on="masked", compliance_sensitivity=0.0)
        lacking = {
            "controls.random_masks": drawn.random_masks[row] < needs.random_masks,
            "positive_control": drawn.positive[row] < (needs.positive_control or 0),
            "settings.truncated": drawn.truncated[row] > (needs.settings.truncated or 1),
            "judge_card.compliance_sensitivity": drawn.knows[row] < card.compliance_sensitivity,
            "judge_card.newest": drawn.card_days[row] > (card.newest or np.inf),
            "settings.sequential": drawn.sequential[row] != needs.settings.sequential,
            "suite.digest": drawn.suite[row] not in needs.suite_digests,
            "settings.judge": drawn.judge[row] != needs.settings.judge,
            **{f"selectors.{n}": not there[row] for n, there in drawn.selectors.items()},
        }
        unmet = frozenset(name for name, lacks in lacking.items() if lacks)
        setting = Setting(
            today=day, checkpoint=checkpoint, fail_on=fail_on, unmet=unmet, parts=_PARTS
        )
        told = judge_told(policy, answers, setting, asked(policy))
        assert (told.exit_code == 0) == passes(policy, drawn, checkpoint, day, fail_on)[row]
