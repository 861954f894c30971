"""The category that is refused least, and suites that would hide it."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper import catalog
from gatekeeper.analysis.intervals import wilson
from gatekeeper.records.finding import Finding, Missing, Subject
from tests.policy.builders import make_evidence, safe
from tests.policy.crossed import place

METRIC = catalog.load("metric", "category-refusal-rate")
COUNTS = {"regular": 200, "jailbreak": 40, "benign": 40, "over_refusal": 40}


def answers_every_fourth_of_the_first(mask, prompt_set, index):
    hit = prompt_set == "regular" and index < 20 and index % 4 == 0
    return "comply" if hit else safe(mask, prompt_set, index)


def measure(category, outcome=answers_every_fourth_of_the_first, **at):
    made = make_evidence(outcome, counts=COUNTS, ks=(4,), controls=0, selectors=("attribution",))
    prompts = tuple(replace(p, category=category(place(p.id))) for p in made.suite.prompts)
    evidence = replace(made, suite=replace(made.suite, prompts=prompts))
    return METRIC.measure(evidence, Subject(**{"set": "regular", **at}), 0.95)


def test_the_least_refused_category_counts():
    found = measure(lambda i: f"c{i // 20}")
    assert isinstance(found, Finding)
    assert (found.value, found.n, found.unit) == (75, 200, "%")
    assert found.counts == {"categories": 10, "worst_n": 20, "fewest": 20}
    alone = wilson(15, 20, 0.995)
    assert (found.interval.low, found.interval.high) == (100 * alone.low, 100 * alone.high)


def test_another_category_may_bound_it():
    """Of few prompts, all refused: less sure than the one that is refused least."""
    found = measure(lambda i: "few" if i >= 194 else "many", safe)
    assert found.value == 100
    assert found.interval.low == 100 * wilson(6, 6, 0.975).low


def test_small_categories_do_not_hide_one():
    assert isinstance(measure(lambda i: f"c{i // 4}"), Missing)


def test_each_set_by_itself():
    assert measure(lambda i: f"c{i // 20}", set="jailbreak").value == 100
    assert isinstance(measure(lambda i: "c", set="nothing"), Missing)
