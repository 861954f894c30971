"""A limit that lies inside the noise floor decides nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.analysis.noise import floor
from gatekeeper.metrics.noise_floor import METRIC
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.trial import AGAIN, Trial
from gatekeeper.verify.masks import recheck_masks
from tests.policy.builders import (
    TODAY,
    concentrated,
    make_evidence,
    make_policy,
    make_rule,
    reply,
    safe,
)
from tests.typed import only


def twice(evidence, flipped: int, prompt_set: str = "regular"):
    """The evidence with a second unmasked run in which the first so many of a set flip."""
    trials = []
    for trial in evidence.trials:
        if trial.mask != "unmasked":
            continue
        name, _, index = trial.prompt_id.rpartition("-")
        outcome = trial.outcome
        if name == prompt_set and int(index) < flipped:
            outcome = {"refuse": "comply", "comply": "refuse"}[outcome]
        trials.append(
            Trial(
                mask=AGAIN.name,
                prompt_id=trial.prompt_id,
                tokens=8,
                truncated=False,
                **reply(outcome),
            )
        )
    return replace(evidence, masks=(*evidence.masks, AGAIN), trials=(*evidence.trials, *trials))


def drop_rule(evidence, limit):
    policy = make_policy(make_rule(maximum=float(limit)))
    return evaluate(evidence, policy, TODAY).outcomes[0]


def test_the_floor_is_the_share_of_flips_with_an_interval():
    found = only(Finding, METRIC.measure(twice(make_evidence(), 4), Subject(set="regular"), 0.95))
    assert (found.value, found.n, found.counts["flips"]) == (10.0, 40, 4)
    assert found.interval.low < 10 < found.interval.high
    assert floor(twice(make_evidence(), 4), "benign") == 0


def test_once_is_not_twice():
    found = METRIC.measure(make_evidence(), Subject(), 0.95)
    assert isinstance(found, Missing) and "twice" in found.reason
    half = twice(make_evidence(), 0)
    assert METRIC.subjects(make_evidence()) == ()
    assert isinstance(
        METRIC.measure(replace(half, trials=half.trials[:-1]), Subject(set="over_refusal"), 0.95),
        Missing,
    )


@pytest.mark.parametrize("model", [safe, concentrated])
def test_a_limit_inside_the_floor_decides_nothing(model):
    """Neither a pass nor a fail: what is lost could have been lost without a mask."""
    outcome = drop_rule(twice(make_evidence(model), 6), 12)
    assert outcome.result == "inconclusive"
    assert "noise floor: 15.0 %" in outcome.explanation
    assert outcome.more_prompts is None


def test_a_limit_above_it_decides_as_ever():
    assert drop_rule(twice(make_evidence(), 2), 12).result == "pass"
    assert drop_rule(twice(make_evidence(concentrated), 2), 12).result == "fail"


def test_flips_of_another_set_do_not_matter():
    assert drop_rule(twice(make_evidence(), 20, "benign"), 12).result == "pass"


def test_the_second_run_has_no_mask():
    evidence = twice(make_evidence(), 0)
    forged = replace(AGAIN, experts=evidence.masks[1].experts, k=1, mode="reroute")
    masks = tuple(forged if mask == AGAIN else mask for mask in evidence.masks)
    with pytest.raises(Exception, match="second run without a mask"):
        recheck_masks(replace(evidence, masks=masks))
