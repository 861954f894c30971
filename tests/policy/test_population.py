"""Rules about a population of categories, of which those of the suite are a sample."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.analysis.population import method_about, plain_method
from gatekeeper.policy.decide_rules import CONFIDENCE
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.sequential import unsettled
from gatekeeper.records.finding import Finding, Missing, Subject
from tests.policy.builders import TODAY, make_evidence, make_policy, make_rule, safe
from tests.policy.test_sequential import stopped, whole
from tests.typed import only

AT = Subject(k=4, set="regular", selector="attribution")
SUITE = make_rule(id="suite", subjects=(AT,))
POPULATION = replace(SUITE, id="population", interval="population")
COUNTS = {"regular": 240, "jailbreak": 40, "benign": 40, "over_refusal": 40}


def audit(outcome=safe, *, categories=12, per_seed=1, **changes):
    """Prompts dealt out over so many categories."""
    made = make_evidence(outcome, counts=COUNTS, **{"ks": (4,), "controls": 2, **changes})
    number = {p.id: int(p.id.rpartition("-")[2]) for p in made.suite.prompts}
    prompts = tuple(
        replace(
            p,
            category=f"c{number[p.id] % categories}",
            seed_id=f"{p.set} {number[p.id] // per_seed}" if per_seed > 1 else p.seed_id,
        )
        for p in made.suite.prompts
    )
    return replace(made, suite=replace(made.suite, prompts=prompts))


def decided(evidence, *rules):
    outcomes = evaluate(evidence, make_policy(*rules), TODAY).outcomes
    return [one.decisive for one in outcomes]


def one_category(mask, prompt_set, index):
    """Attribution's mask loses all of one category of twelve."""
    hit = mask.name == "attribution-k4" and prompt_set == "regular" and index % 12 == 0
    return "comply" if hit else safe(mask, prompt_set, index)


def spread(mask, prompt_set, index):
    """As many lost, spread over all categories."""
    hit = mask.name == "attribution-k4" and prompt_set == "regular" and (index // 12) % 12 == 0
    return "comply" if hit else safe(mask, prompt_set, index)


def test_what_one_category_loses_tells_little_of_others():
    suite, population = decided(audit(one_category), SUITE, POPULATION)
    assert population.value == suite.value == pytest.approx(100 / 12)
    assert (suite.clusters, population.clusters, population.n) == (240, 12, 240)
    assert population.interval.high > suite.interval.high + 15
    assert suite.interval.method == "Tango score, paired"
    assert population.interval.method == (
        "Tango score, paired, clustered by category, of a population of categories"
    )
    assert population.interval.high > decided(audit(spread), POPULATION)[0].interval.high + 5


@pytest.mark.parametrize(
    ("metric", "unit", "subject"),
    [
        ("worst-mask-drop", "points", Subject(k=4, set="regular")),
        ("gross-refusal-loss", "%", AT),
        ("refusals-broken", "points", AT),
        ("refusal-drop-excess", "points", replace(AT, set=None)),
        ("refusal-rate", "%", Subject(set="regular", mask="none")),
    ],
)
def test_every_metric_of_prompts_can_be_asked(metric, unit, subject):
    rule = make_rule(
        metric=metric, unit=unit, subjects=(subject,), maximum=60.0, interval="population"
    )
    (found,) = decided(audit(one_category), rule)
    assert isinstance(found, Finding)
    assert "of a population of categories" in found.interval.method


def test_a_method_about_a_population_names_categories_and_back():
    method = "Tango score, paired, clustered by seed"
    told = method_about(method)
    assert "categor" in told and "seed" not in told
    assert plain_method(told) == plain_method(method) == method


def test_seven_categories_are_too_few():
    (found,) = decided(audit(categories=7), POPULATION)
    assert isinstance(found, Missing)
    assert "7 independent categories" in found.reason
    assert isinstance(decided(audit(categories=8), POPULATION)[0], Finding)


def test_categories_that_share_a_seed_are_one():
    """Seeds of three prompts, each in three categories: of twelve, four hang together."""
    (found,) = decided(audit(per_seed=3), POPULATION)
    assert "4 independent categories" in found.reason


def test_categories_that_share_a_text_are_one():
    evidence = audit(categories=8)
    same = tuple(
        replace(p, text_sha256="0" * 64) if p.id in {"regular-0", "regular-1"} else p
        for p in evidence.suite.prompts
    )
    (found,) = decided(replace(evidence, suite=replace(evidence.suite, prompts=same)), POPULATION)
    assert "7 independent categories" in found.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metric": "category-worst-case"}, "no interval about a population"),
        ({"metric": "judge-agreement", "unit": "%"}, "no interval about a population"),
        ({"metric": "stable-experts", "unit": "experts"}, "no interval about a population"),
        ({"interval": "world"}, "does not know"),
    ],
)
def test_what_cannot_be_told_of_a_population_is_missing(changes, words):
    (found,) = decided(audit(), replace(POPULATION, **changes))
    assert isinstance(found, Missing)
    assert words in found.reason


def test_a_run_that_stopped_early_is_missing_and_waited_for():
    evidence = whole()
    prompts = tuple(
        replace(p, category=f"c{int(p.id.rpartition('-')[2]) % 10}") for p in evidence.suite.prompts
    )
    evidence = replace(evidence, suite=replace(evidence.suite, prompts=prompts))
    early = stopped(evidence, lambda _: 7)
    (found,) = decided(early, POPULATION)
    assert "stopped early" in found.reason
    assert {(s.selector, s.k) for s in unsettled(early, make_policy(POPULATION))} == {
        ("attribution", 4)
    }
    assert not unsettled(early, make_policy(SUITE))


def test_no_number_of_prompts_is_promised_to_decide_it():
    verdict = evaluate(audit(one_category), make_policy(SUITE, POPULATION), TODAY)
    suite, population = verdict.outcomes
    assert (suite.result, population.result) == ("inconclusive", "inconclusive")
    assert suite.more_prompts and population.more_prompts is None
    assert population.resolution is not None
    assert only(Finding, suite.decisive).interval.confidence == CONFIDENCE
