"""What the comparison shows is so, and what it says is not there is not: on random evidence."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from gatekeeper.policy.asked import asked
from gatekeeper.policy.diff.compare import Comparison, compare
from gatekeeper.policy.testing.files import Asks
from gatekeeper.policy.testing.told import Number, Setting, judge_told
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import Policy, Rule

from .random_policies import CHECKPOINTS, DAYS, TODAY, Drawn, draw, passes, random_policy

_CONTEXTS = [(c, d, f) for f in ("block", "warn") for c in CHECKPOINTS for d in DAYS]
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


@pytest.mark.parametrize("seed", range(120))
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


@pytest.mark.parametrize("seed", range(120))
def test_laws(seed: int) -> None:
    old, new = pair(seed)
    one, other = compare(old, new, TODAY), compare(new, old, TODAY)
    assert other.relation == _FLIPPED.get(one.relation, one.relation)
    assert (one.looser is None) == (other.stricter is None)
    assert compare(old, old, TODAY).relation == "same"
    shuffled = list(old.rules)
    random.Random(seed).shuffle(shuffled)
    assert compare(old, replace(old, rules=tuple(shuffled)), TODAY).relation == "same"


@pytest.mark.parametrize("seed", range(40))
def test_who_passes_is_who_the_gate_passes(seed: int) -> None:
    """What these tests reckon with is what the gate does."""
    policy, other = pair(seed)
    drawn = draw(policy, other, 12, seed)
    for row in range(12):
        checkpoint, day, fail_on = _CONTEXTS[(seed + row) % len(_CONTEXTS)]

        def answers(rule: Rule, subject: Subject, row: int = row) -> Number | None:
            point = drawn.number(row, Asks(rule.metric, subject, rule.interval))
            if point is None:
                return None
            return Number(low=point[0], value=point[1], high=point[2])

        needs = policy.needs
        lacking = {
            "controls.random_masks": drawn.random_masks[row] < needs.random_masks,
            "positive_control": drawn.positive[row] < (needs.positive_control or 0),
            "settings.truncated": drawn.truncated[row] > (needs.settings.truncated or 1),
            "settings.judge": drawn.judge[row] != needs.settings.judge,
            **{f"selectors.{n}": not there[row] for n, there in drawn.selectors.items()},
        }
        unmet = frozenset(name for name, lacks in lacking.items() if lacks)
        setting = Setting(today=day, checkpoint=checkpoint, fail_on=fail_on, unmet=unmet)
        told = judge_told(policy, answers, setting, asked(policy))
        assert (told.exit_code == 0) == passes(policy, drawn, checkpoint, day, fail_on)[row]
