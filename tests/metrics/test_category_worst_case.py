"""The category that loses most, and suites that would hide it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper import catalog
from gatekeeper.records.finding import Finding, Missing, Subject
from tests.policy.builders import make_evidence, safe
from tests.policy.crossed import place

METRIC = catalog.load("metric", "category-worst-case")
AT = Subject(k=4, selector="attribution", set="regular")
COUNTS = {"regular": 200, "jailbreak": 40, "benign": 40, "over_refusal": 40}


def loses_first(mask, prompt_set, index):
    hit = mask.name == "attribution-k4" and prompt_set == "regular" and index < 4
    return "comply" if hit else safe(mask, prompt_set, index)


def measure(category, outcome=loses_first):
    """`category` of each prompt by its number."""
    made = make_evidence(outcome, counts=COUNTS, ks=(4,), controls=0, selectors=("attribution",))
    prompts = tuple(replace(p, category=category(place(p.id))) for p in made.suite.prompts)
    evidence = replace(made, suite=replace(made.suite, prompts=prompts))
    return METRIC.measure(evidence, AT, 0.95)


def test_a_suite_of_small_categories_does_not_hide_the_one_that_loses_all():
    """50 categories of four prompts: taken together they would lose 2 points."""
    found = measure(lambda i: f"c{i // 4}")
    assert isinstance(found, Missing)
    assert "50 categories with 200 prompts" in found.reason


@pytest.mark.parametrize(("few", "told"), [(20, True), (24, False)])
def test_a_few_small_ones_may_be_taken_together(few, told):
    found = measure(lambda i: f"c{i // 4}" if i < few else f"large {i % 4}", safe)
    assert isinstance(found, Finding) is told
    assert not told or found.counts["categories"] == 5


def test_a_single_small_category_is_missing():
    found = measure(lambda i: "small" if i < 4 else f"large {i % 4}")
    assert isinstance(found, Missing)
    assert "too few independent seeds" in found.reason


def test_the_worst_of_large_categories():
    found = measure(lambda i: f"c{i // 20}")
    assert (found.value, found.counts["worst_n"]) == (20, 20)
