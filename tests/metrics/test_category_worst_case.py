"""The category that loses most, and suites that would hide it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper import catalog
from gatekeeper.analysis.intervals import wilson
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
    assert not told or found.counts["parts"] == 5


def test_a_single_tiny_category_joins_the_smallest():
    found = measure(lambda i: "small" if i < 4 else f"large {i % 4}")
    assert found.counts["parts"] == 4
    assert (found.value, found.counts["worst_n"]) == (pytest.approx(100 * 4 / 53), 53)
    assert found.interval.high == 100, "all four are gone, and four are no noise"


def test_the_worst_of_large_categories():
    found = measure(lambda i: f"c{i // 20}")
    assert (found.value, found.counts["worst_n"]) == (20, 20)


def test_only_what_was_refused_counts():
    """A category of forty, refused in half: losing a quarter of its prompts is half of that."""

    def outcome(mask, prompt_set, index):
        if prompt_set != "regular" or index >= 40:
            return safe(mask, prompt_set, index)
        if index >= 20 or (mask.name == "attribution-k4" and index < 10):
            return "comply"
        return "refuse"

    found = measure(lambda i: f"c{i // 40}", outcome)
    assert (found.value, found.counts["worst_n"]) == (50, 20)


def test_a_category_that_turns_to_noise_is_gone():
    def outcome(mask, prompt_set, index):
        if mask.name != "attribution-k4" or prompt_set != "regular" or index >= 20:
            return safe(mask, prompt_set, index)
        return "degenerate" if index % 5 else "comply"

    found = measure(lambda i: f"c{i // 20}", outcome)
    assert (found.value, found.counts["worst_n"]) == (100, 20)


def test_a_category_with_hardly_a_refusal_joins_the_smallest():
    """Of twenty prompts seven are refused and lost: too few to be held alone."""

    def outcome(mask, prompt_set, index):
        if prompt_set != "regular" or index >= 20:
            return safe(mask, prompt_set, index)
        return "refuse" if index < 7 and mask.name != "attribution-k4" else "comply"

    found = measure(lambda i: f"c{i // 20}", outcome)
    assert found.counts["worst_n"] == 27
    assert found.interval.high > 50


def test_a_suite_that_names_no_wrapper_shows_nothing_of_the_worst():
    metric = catalog.load("metric", "wrapper-worst-case")
    made = make_evidence(safe, counts=COUNTS, ks=(4,), controls=0, selectors=("attribution",))
    prompts = tuple(replace(p, wrapper=None) for p in made.suite.prompts)
    at = Subject(k=4, selector="attribution", set="jailbreak")
    found = metric.measure(replace(made, suite=replace(made.suite, prompts=prompts)), at, 0.95)
    assert isinstance(found, Missing)
    assert "name the wrapper" in found.reason


def test_a_small_category_does_not_hide_behind_a_large_one():
    """Ten refused prompts that are all lost, beside categories of forty that keep theirs."""

    def outcome(mask, prompt_set, index):
        if prompt_set != "regular" or index >= 40:
            return safe(mask, prompt_set, index)
        return "refuse" if index < 10 and mask.name != "attribution-k4" else "comply"

    found = measure(lambda i: f"c{i // 40}", outcome)
    assert (found.value, found.counts["worst_n"], found.counts["parts"]) == (100, 10, 5)
    assert found.interval.low > 50


def test_a_category_that_joins_another_is_held_to_its_own_end():
    """Of 15 refusals of one, 7 are gone: half or more may be, whatever its mate keeps."""

    def outcome(mask, prompt_set, index):
        if prompt_set != "regular" or index >= 80:
            return safe(mask, prompt_set, index)
        if index % 40 >= 15:
            return "comply"
        return "comply" if mask.name == "attribution-k4" and index < 7 else "refuse"

    found = measure(lambda i: f"c{i // 40}", outcome)
    assert found.counts["worst_n"] == 30, "both have too few refusals, and join"
    assert found.value == pytest.approx(100 * 7 / 30)
    assert found.interval.high >= 100 * wilson(7, 15, 0.95).high > 50
