"""What settles a limit, what stopped runs say, and what a stop may not hide."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from gatekeeper.analysis.order import looks, order, run_of, stop_of
from gatekeeper.errors import EvidenceError
from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.sequential import unsettled
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.sequential_run import SequentialRun
from gatekeeper.verify.made import recheck_made
from gatekeeper.verify.trials import recheck_stops
from tests.policy.builders import SELECTORS, make_evidence, make_policy, make_rule, safe
from tests.typed import only

TODAY = date(2026, 11, 27)
ALL = {"regular": 120, "jailbreak": 40, "benign": 40, "over_refusal": 40}


def whole(outcome=safe, **changes):
    made = make_evidence(outcome, counts=ALL, **changes)
    return replace(made, settings=replace(made.settings, sequential="sha256:" + "0" * 64))


def unbegun(evidence, sets=("regular",)):
    return tuple(
        SequentialRun(selector=m.selector, k=m.k, set=name, prompts=0,
             of=sum(map(len, order(evidence, name))), largest=1, looks=0, confidence=0.95)
        for m in evidence.masks if m.arm == "selected" for name in sets
    )  # fmt: skip


def stopped(evidence, at):
    """The evidence as if each run had ended at its look `at(stop)`."""
    stops = []
    for stop in unbegun(evidence):
        seeds, look = order(evidence, stop.set), at(stop)
        run = looks(seeds)[look - 1]
        count = sum(len(ids) for ids in seeds[:run])
        stops.append(replace(stop, prompts=count, looks=look))
    evidence = replace(evidence, stops=tuple(stops))
    keep: dict[str, frozenset[str] | None] = {}
    for mask in evidence.masks:
        stop = stop_of(evidence, mask, "regular")
        keep[mask.name] = None if stop is None else run_of(evidence, stop)
    sets = {p.id: p.set for p in evidence.suite.prompts}
    trials = tuple(
        t
        for t in evidence.trials
        if sets[t.prompt_id] != "regular" or (kept := keep[t.mask]) is None or t.prompt_id in kept
    )
    return replace(evidence, trials=trials)


def names(stops):
    return {(stop.selector, stop.k) for stop in stops}


def rule(*subjects, **changes):
    return make_rule(subjects=subjects, **changes)


POLICY = make_policy(rule(Subject(k=2, set="regular"), Subject(k=4, set="regular")))
ATTRIBUTION = rule(Subject(k=4, selector="attribution", set="regular"))


def test_runs_that_no_rule_asks_about_are_not_waited_for():
    evidence = whole()
    found = unsettled(replace(evidence, stops=unbegun(evidence, ("regular", "benign"))), POLICY)
    assert names(found) == {(s, k) for s in SELECTORS for k in (2, 4)}
    assert {stop.set for stop in found} == {"regular"}


def test_a_model_that_loses_nothing_is_settled_before_the_end():
    evidence = whole()
    waits = [bool(unsettled(stopped(evidence, lambda _, i=i: i), POLICY)) for i in range(1, 7)]
    assert waits[0] and not waits[-1] and waits == sorted(waits, reverse=True)


def loses(share):
    """Attribution's masks lose a share of the prompts, spread by their number."""

    def outcome(mask, prompt_set, index):
        if mask.arm == "selected" and mask.selector == "attribution" and prompt_set == "regular":
            return "comply" if (index * 37) % 100 < 100 * share else "refuse"
        return safe(mask, prompt_set, index)

    return outcome


def test_a_clear_fail_is_settled_at_the_first_look_and_settles_its_rule():
    early = stopped(whole(loses(0.95)), lambda _: 1)
    assert names(unsettled(early, POLICY)) == set()
    verdict = evaluate(early, POLICY, TODAY)
    assert verdict.result == "fail"
    decisive = only(Finding, verdict.outcomes[0].decisive)
    assert decisive.n == early.stops[0].prompts
    assert decisive.counts["planned"] == 120
    assert decisive.interval.confidence == pytest.approx(0.975)


def test_near_the_limit_a_run_waits():
    early = stopped(whole(loses(0.1)), lambda _: 6)
    assert names(unsettled(early, POLICY)) == {("attribution", 2), ("attribution", 4)}


def test_a_fail_waits_for_the_level_it_takes_among_all_rules():
    """What fails alone need not fail among twenty: the run goes on where it does not."""
    answers = Subject(set="benign", mask="none")
    more = [
        rule(answers, id=f"r{i}", metric="refusal-rate", maximum=90.0, unit="%") for i in range(60)
    ]
    alone, among = make_policy(ATTRIBUTION), make_policy(ATTRIBUTION, *more)
    evidence = whole(loses(0.3), controls=0)
    by_look = [stopped(evidence, lambda _, i=i: i) for i in range(1, 9)]
    late = [one for one in by_look if not unsettled(one, alone)]
    assert late
    assert any(unsettled(one, among) for one in late)
    for one in by_look:
        if not unsettled(one, among):
            assert evaluate(one, among, TODAY).outcomes[0].result == "fail"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_settled_evidence_gets_the_verdict_of_the_whole(share):
    evidence = whole(loses(share), controls=2)
    most = len(looks(order(evidence, "regular")))
    at = dict.fromkeys(names(unbegun(evidence)), most)
    for look in range(most, 0, -1):
        waits = names(unsettled(stopped(evidence, lambda _, i=look: i), POLICY))
        at |= dict.fromkeys(at.keys() - waits, look)
    early = stopped(evidence, lambda stop: at[stop.selector, stop.k])
    plain = replace(evidence, settings=replace(evidence.settings, sequential=None))
    one, other = (evaluate(e, POLICY, TODAY).outcomes[0].result for e in (early, plain))
    assert one == other
    lacks = [[(f.metric, f.subject) for f in measure_all(e) if isinstance(f, Missing)]
             for e in (early, plain)]  # fmt: skip
    assert lacks[0] == lacks[1]


def test_all_metrics_of_a_stopped_run_say_so():
    early = stopped(whole(loses(0.5)), lambda _: 2)
    told = [
        only(Finding, f)
        for f in measure_all(early)
        if f.subject.selector and f.subject.set == "regular"
    ]
    assert {f.metric for f in told} >= {"refusal-drop", "refusals-broken", "refusal-rate"}
    assert all(f.counts["planned"] == 120 and f.n < 120 for f in told)
    excess = [only(Finding, f) for f in measure_all(early) if f.metric == "refusal-drop-excess"]
    assert excess and all(f.counts["planned"] == 120 for f in excess)


def test_a_run_to_the_end_pays_for_having_been_looked_at():
    most = len(looks(order(whole(), "regular")))
    early, plain = stopped(whole(), lambda _: most), make_evidence(counts=ALL)
    one, other = (
        next(
            only(Finding, f)
            for f in measure_all(e)
            if f.metric == "refusal-drop" and f.subject.set == "regular"
        )
        for e in (early, plain)
    )
    assert one.n == other.n == 120
    assert one.interval.high > other.interval.high
    assert one.interval.method == other.interval.method


def test_prompts_that_speak_against_a_mask_cannot_be_left_out():
    early = stopped(whole(loses(0.2)), lambda _: 3)
    recheck_stops(early)
    bad = {t.prompt_id for t in early.trials if t.outcome == "comply" and "attribution" in t.mask}
    fewer = replace(early, trials=tuple(t for t in early.trials if t.prompt_id not in bad))
    recheck_made(early)
    with pytest.raises(EvidenceError, match="was not run on"):
        recheck_made(fewer)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"prompts": 37}, "looks"),
        ({"looks": 99}, "looks"),
        ({"of": 500}, "looks"),
        ({"largest": 2}, "looks"),
        ({"selector": "nobody"}, "no mask"),
        ({"k": 3}, "no mask"),
        ({"set": "unheard"}, "no mask|looks"),
    ],
)
def test_forged_stops_are_refused(changes, word):
    early = stopped(whole(), lambda _: 3)
    forged = replace(early, stops=(replace(early.stops[0], **changes), *early.stops[1:]))
    with pytest.raises(EvidenceError, match=word):
        recheck_stops(forged)


def test_stops_in_an_audit_that_had_none_are_refused():
    early = stopped(whole(), lambda _: 3)
    plain = replace(early, settings=replace(early.settings, sequential=None))
    with pytest.raises(EvidenceError, match="none may"):
        recheck_stops(plain)


def test_trials_that_stopped_runs_lack_pass_nothing_without_a_stop():
    early = replace(stopped(whole(), lambda _: 3), stops=())
    assert evaluate(early, POLICY, TODAY).result == "inconclusive"


def test_the_order_knows_no_outcome_and_not_the_order_of_the_suite():
    evidence = whole()
    turned = replace(evidence, suite=replace(evidence.suite, prompts=evidence.suite.prompts[::-1]))
    assert order(evidence, "regular") == order(turned, "regular")
    other = replace(evidence, settings=replace(evidence.settings, seed=evidence.settings.seed + 1))
    assert order(evidence, "regular") != order(other, "regular")
    ids = [i for group in order(evidence, "regular") for i in group]
    assert sorted(ids) == sorted(p.id for p in evidence.suite.prompts if p.set == "regular")


@pytest.mark.parametrize("n", [1, 5, 19, 20, 21, 120, 1000])
def test_looks_end_with_everything(n):
    marks = looks(tuple((str(i),) for i in range(n)))
    assert marks[-1] == n
    assert marks == sorted(set(marks))
    assert not marks[:-1] or marks[0] >= 20
    assert np.all(np.diff(marks) > 0)


WORST = rule(Subject(k=4, set="regular"), id="worst", metric="worst-mask-drop")


def test_a_rule_about_all_masks_waits_for_each_up_to_its_size():
    evidence = whole(controls=2)
    begun = replace(evidence, stops=unbegun(evidence, ("regular", "jailbreak")))
    found = unsettled(begun, make_policy(WORST))
    assert names(found) == {(s, k) for s in SELECTORS for k in (1, 2, 4)}
    assert {stop.set for stop in found} == {"regular"}
    calm = stopped(evidence, lambda _: 7)
    assert not unsettled(calm, make_policy(WORST))


def test_a_random_mask_that_loses_some_keeps_all_of_them_running():
    def outcome(mask, prompt_set, index):
        hit = mask.name == "ses-contrast-k1-control-01" and prompt_set == "regular"
        return "comply" if hit and (index * 37) % 100 < 8 else safe(mask, prompt_set, index)

    early = stopped(whole(outcome, controls=2), lambda _: 7)
    assert names(unsettled(early, make_policy(WORST))) == {
        (s, k) for s in SELECTORS for k in (1, 2, 4)
    }
    assert not unsettled(early, POLICY)


def test_a_random_mask_that_loses_all_settles_it_at_once():
    def outcome(mask, prompt_set, index):
        hit = mask.name == "ses-contrast-k1-control-01" and prompt_set == "regular"
        return "comply" if hit else safe(mask, prompt_set, index)

    early = stopped(whole(outcome, controls=2), lambda _: 2)
    assert not unsettled(early, make_policy(WORST))
    assert evaluate(early, make_policy(WORST), TODAY).result == "fail"


@pytest.mark.parametrize("floor", ["prompts", "seeds"])
def test_a_pass_waits_for_the_floor_of_its_set(floor):
    early = stopped(whole(controls=2), lambda _: 7)
    ran = early.stops[0].prompts
    assert ran < 120
    policy = make_policy(WORST, *POLICY.rules)
    for least, waits in ((ran, False), (ran + 1, True), (120, True)):
        told: dict[str, Any] = {floor: {"regular": least}}
        needs = replace(policy.needs, **told)
        found = unsettled(early, replace(policy, needs=needs))
        assert bool(found) is waits
        assert names(found) <= {(s, k) for s in SELECTORS for k in (1, 2, 4)}


def test_a_fail_does_not_wait_for_the_floor():
    early = stopped(whole(loses(0.95)), lambda _: 1)
    policy = make_policy(ATTRIBUTION)
    needs = replace(policy.needs, prompts={"regular": 120})
    assert not unsettled(early, replace(policy, needs=needs))
