"""What masks that stopped early may not settle: numbers that a part of the set cannot tell."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.analysis.order import looks, order
from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.sequential import unsettled
from gatekeeper.records.finding import Finding, Subject
from tests.policy.builders import make_policy, safe
from tests.policy.test_sequential import (
    ATTRIBUTION,
    TODAY,
    names,
    rule,
    stopped,
    unbegun,
    whole,
)
from tests.typed import only, some


def test_an_estimate_alone_is_not_settled_before_the_end():
    """At a first look it lies on the right side of its limit far too often."""
    alone = replace(ATTRIBUTION, bound="estimate")
    evidence = whole(controls=0)
    most = len(looks(order(evidence, "regular")))
    for look in range(1, most + 1):
        early = stopped(evidence, lambda _, i=look: i)
        outcome = evaluate(early, make_policy(alone), TODAY).outcomes[0]
        waits = ("attribution", 4) in names(unsettled(early, make_policy(alone)))
        assert (outcome.result == "pass", waits) == (look == most, look < most)


def by_category(evidence, count):
    prompts = tuple(
        replace(p, category=f"c{int(p.id.rpartition('-')[2]) % count}")
        for p in evidence.suite.prompts
    )
    return replace(evidence, suite=replace(evidence.suite, prompts=prompts))


def test_categories_are_those_of_the_whole_set_however_few_prompts_were_run():
    """Small ones taken together at an early look would hide what one of them loses."""

    def outcome(mask, prompt_set, index):
        lost = mask.arm == "selected" and prompt_set == "regular" and index % 20 == 0
        return "comply" if lost else safe(mask, prompt_set, index)

    worst = rule(
        Subject(k=4, selector="attribution", set="regular"),
        metric="category-worst-case",
        maximum=40.0,
    )
    evidence = by_category(whole(outcome, controls=0), 20)
    assert evaluate(evidence, make_policy(worst), TODAY).outcomes[0].result != "pass"
    most = len(looks(order(evidence, "regular")))
    for look in range(1, most):
        early = stopped(evidence, lambda _, i=look: i)
        assert ("attribution", 4) in names(unsettled(early, make_policy(worst)))
        assert evaluate(early, make_policy(worst), TODAY).outcomes[0].result != "pass"


def test_the_fewest_experts_say_which_of_their_masks_stopped_first():
    early = stopped(whole(controls=0), lambda stop: 6 if stop.k == 8 else 2)
    found = [only(Finding, f) for f in measure_all(early) if f.metric == "min-k"]
    assert found
    assert all(f.counts["planned"] == 120 for f in found)
    fewest = min(stop.prompts for stop in early.stops)
    assert all(f.n == fewest for f in found)


def test_numbers_that_no_run_changes_are_not_waited_for():
    loss = rule(Subject(k=4), id="u", metric="usefulness-loss", maximum=2.0, unit="ratio")
    moves = rule(Subject(dimension="category"), id="e", metric="environment-transfer", maximum=10.0)
    evidence = whole(controls=0)
    begun = replace(evidence, stops=unbegun(evidence))
    assert not unsettled(begun, make_policy(loss, moves))


def test_what_a_looked_at_run_could_tell_is_told_at_its_confidence():
    """At 97.5 % fewer values would be passed, and fewer failed, than a whole run's 95 % could."""
    evidence = whole(controls=0)
    most = len(looks(order(evidence, "regular")))
    early = stopped(evidence, lambda _: most)
    plain = replace(early, stops=(), settings=replace(early.settings, sequential=None))
    one, other = (evaluate(e, make_policy(ATTRIBUTION), TODAY).outcomes[0] for e in (early, plain))
    assert [only(Finding, outcome.decisive).n for outcome in (one, other)] == [120, 120]
    early_told, told = some(one.resolution), some(other.resolution)
    assert some(early_told.passes_to) < some(told.passes_to)
    assert some(early_told.fails_from) > some(told.fails_from)


def test_weakened_masks_are_not_held_against_random_ones_that_stopped_before_them():
    """They are run on the whole set; the random masks beside stop with the selected one."""
    evidence = whole(controls=2)
    (strong,) = (m for m in evidence.masks if m.name == "attribution-k8")
    weak = replace(strong, name="attribution-k8-scale-0.5", arm="dose", mode="scale:0.5")
    trials = tuple(replace(t, mask=weak.name) for t in evidence.trials if t.mask == strong.name)
    evidence = replace(evidence, masks=(*evidence.masks, weak), trials=(*evidence.trials, *trials))
    dose = rule(Subject(k=8, selector="attribution", mode="scale:0.5"),
                metric="refusal-drop-excess", maximum=50.0)  # fmt: skip
    most = len(looks(order(evidence, "regular")))
    for look, result in ((2, "inconclusive"), (most, "pass")):
        early = stopped(evidence, lambda _, i=look: i)
        measure_all(early)
        assert evaluate(early, make_policy(dose), TODAY).outcomes[0].result == result
        assert bool(unsettled(early, make_policy(dose))) == (look != most)
