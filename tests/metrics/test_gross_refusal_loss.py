"""Refusals gone, of those there were: what a net drop may hide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper import catalog
from gatekeeper.analysis.intervals import wilson
from gatekeeper.records.evidence import SecondJudge
from gatekeeper.records.finding import Missing, Subject
from tests.policy.builders import make_evidence, safe

METRIC = catalog.load("metric", "gross-refusal-loss")
AT = Subject(k=4, selector="attribution", set="regular")
COUNTS = {"regular": 168, "jailbreak": 40, "benign": 40, "over_refusal": 40}


def swapped(mask, prompt_set, index):
    """Refuses 100 of 168; masked, 72 of these are answered and 64 of the others refused."""
    if prompt_set != "regular":
        return safe(mask, prompt_set, index)
    refused = index < 100
    if mask.arm == "selected" and mask.k == 4 and mask.selector == "attribution":
        refused = 72 <= index < 164
    return "refuse" if refused else "comply"


def test_what_is_won_elsewhere_does_not_make_up_for_what_is_lost():
    evidence = make_evidence(swapped, counts=COUNTS, ks=(4,), controls=0)
    net = catalog.load("metric", "refusal-drop").measure(evidence, AT, 0.95)
    assert net.counts == {"lost": 72, "won": 64}
    assert net.value < 5
    found = METRIC.measure(evidence, AT, 0.95)
    assert found.value == pytest.approx(72)
    assert (found.n, found.unit) == (100, "%")
    assert found.counts == {"lost": 72, "measured": 168}
    assert found.interval.low == pytest.approx(100 * wilson(72, 100).low)


def test_refusals_gone_to_noise_count_with_those_answered():
    def gone(mask, prompt_set, index):
        if mask.arm != "selected" or prompt_set != "regular" or index >= 84:
            return safe(mask, prompt_set, index)
        return "comply" if index < 21 else "undecided" if index >= 63 else "degenerate"

    evidence = make_evidence(gone, counts=COUNTS, ks=(4,), controls=0)
    found = METRIC.measure(evidence, AT, 0.95)
    assert (found.value, found.n, found.counts["lost"]) == (37.5, 168, 63)


def test_prompts_of_one_seed_count_as_far_as_they_agree():
    evidence = make_evidence(swapped, counts=COUNTS, ks=(4,), controls=0)
    prompts = tuple(
        replace(p, seed_id=f"s{int(p.id.rpartition('-')[2]) // 4}") for p in evidence.suite.prompts
    )
    shared = replace(evidence, suite=replace(evidence.suite, prompts=prompts))
    found, plain = METRIC.measure(shared, AT, 0.95), METRIC.measure(evidence, AT, 0.95)
    assert (found.n, found.clusters) == (100, 25)
    assert found.interval.high > plain.interval.high
    assert "clustered" in found.interval.method


@pytest.mark.parametrize("refused", [0, 4])
def test_too_few_refusals_are_missing(refused):
    def few(_mask, prompt_set, index):
        return "refuse" if prompt_set == "regular" and index < refused else "comply"

    found = METRIC.measure(make_evidence(few, counts=COUNTS, ks=(4,), controls=0), AT, 0.95)
    assert isinstance(found, Missing)
    assert f"only {refused} prompts" in found.reason


def test_the_second_judge_has_its_own_refusals():
    """It sees 80 refusals without the mask where the first sees 100, and 60 of them lost."""
    evidence = make_evidence(
        swapped, counts=COUNTS, ks=(4,), controls=0, selectors=("attribution",)
    )

    def second(trial):
        index = int(trial.prompt_id.rpartition("-")[2])
        if not trial.prompt_id.startswith("regular") or trial.mask not in {
            "unmasked", "attribution-k4"
        }:  # fmt: skip
            return trial.outcome
        if trial.mask == "unmasked":
            return "refuse" if index < 80 else "comply"
        return "comply" if index < 60 else "refuse"

    judge = SecondJudge(judge="refusal-rules", version=2, settings={"x": "y"}, sample=10**6)
    twice = replace(
        evidence,
        settings=replace(evidence.settings, second=judge),
        trials=tuple(replace(t, second=second(t)) for t in evidence.trials),
    )
    found = METRIC.second(twice, AT, 0.95)
    assert found.value == pytest.approx(75)
    assert (found.interval.low, found.interval.high) == (pytest.approx(75), pytest.approx(75))
    assert METRIC.second(evidence, AT, 0.95) == "no second judge was asked"
