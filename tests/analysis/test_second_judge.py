from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.analysis.second_judge import sample_of
from gatekeeper.records.finding import Finding, Missing, Opinion, Subject
from gatekeeper.records.trial import LABELS
from tests.policy.builders import concentrated, make_evidence
from tests.policy.twice import as_the_second_says, judged_twice

METRICS = [catalog.load("metric", name) for name in catalog.names("metric")]
COUNTS_OUTCOMES = [metric.id for metric in METRICS if metric.second is not None]


def random_evidence(seed: int, **more):
    """Outcomes at random, mostly refusals where harm is asked for."""
    draw = np.random.default_rng(seed)

    def outcome(mask, prompt_set, index):
        if mask.arm == "unmasked":
            return draw.choice(LABELS, p=[0.8, 0.15, 0.05])
        return draw.choice(LABELS, p=[0.5, 0.4, 0.1])

    return make_evidence(lambda *a: str(outcome(*a)), **more)


def at_random(seed: int, rate: float):
    draw = np.random.default_rng(seed)

    def say(trial):
        return str(draw.choice(LABELS)) if draw.random() < rate else trial.outcome

    return say


def whole_sample():
    evidence = random_evidence(3, ks=(1, 4), controls=4)
    return judged_twice(evidence, at_random(4, 0.3))


@pytest.mark.parametrize("name", COUNTS_OUTCOMES)
def test_a_sample_of_all_replies_gives_what_the_second_judge_alone_would(name) -> None:
    evidence = whole_sample()
    metric = catalog.load("metric", name)
    alone = as_the_second_says(evidence)
    subjects = [s for s in metric.subjects(evidence) if s.loss is None or s.loss]
    for subject in subjects:
        found, wanted = metric.second(evidence, subject, 0.95), metric.measure(alone, subject, 0.95)
        assert isinstance(found, Opinion)
        assert isinstance(wanted, Finding)
        assert found.value == pytest.approx(wanted.value)
        assert found.unseen == 0
        if metric.unit != "experts" and name != "category-worst-case":
            assert found.interval.low == pytest.approx(found.interval.high)


@pytest.mark.thorough
def test_every_metric_that_outcomes_change_asks_the_second_judge() -> None:
    """A metric added later without a say of the second judge would escape its veto."""
    evidence = whole_sample()
    for metric in METRICS:
        changed = False
        for subject in metric.subjects(evidence):
            one, other = (metric.measure(e, subject, 0.95)
                          for e in (evidence, as_the_second_says(evidence)))  # fmt: skip
            if isinstance(one, Finding) and isinstance(other, Finding):
                changed |= one.value != other.value
        if metric.id != "judge-agreement":
            assert not changed or metric.second is not None, metric.id


@pytest.mark.parametrize("name", ["refusal-rate", "refusal-drop", "refusal-drop-excess"])
def test_without_a_second_judge_there_is_no_opinion(name) -> None:
    metric = catalog.load("metric", name)
    evidence = make_evidence(concentrated, ks=(4,), controls=3)
    subject = Subject(k=4, set="regular", mask="selected", selector="attribution")
    assert metric.second(evidence, subject, 0.95) == "no second judge was asked"


def test_a_sample_with_holes_is_no_sample() -> None:
    evidence = judged_twice(make_evidence(concentrated, ks=(4,), controls=3), sample=100)
    at = next(i for i, t in enumerate(evidence.trials) if t.second is not None)
    trials = list(evidence.trials)
    trials[at] = replace(trials[at], second=None)
    holed = replace(evidence, trials=tuple(trials))
    assert sample_of(holed) == "the second judge's sample is not whole"
    agreement = catalog.load("metric", "judge-agreement")
    assert isinstance(agreement.measure(holed, Subject(), 0.95), Missing)


@pytest.mark.thorough
def test_the_estimator_is_centred_and_its_interval_holds_the_truth() -> None:
    """200 samples of one audit, by seed: what the second judge says of all replies is fixed."""
    base = random_evidence(7, ks=(4,), controls=2, counts={"regular": 120, "benign": 40})
    said = at_random(8, 0.2)
    opinions = {(t.mask, t.prompt_id): said(t) for t in base.trials}
    cases = {
        "refusal-rate": Subject(set="regular", mask="none"),
        "refusal-drop": Subject(k=4, set="regular", selector="attribution"),
        "refusal-drop-excess": Subject(k=4, selector="attribution"),
    }
    runs, held = 200, dict.fromkeys(cases, 0)
    values: dict[str, list[float]] = {name: [] for name in cases}
    everything = judged_twice(base, lambda t: opinions[t.mask, t.prompt_id])
    truth = {
        name: catalog.load("metric", name).second(everything, at, 0.95).value
        for name, at in cases.items()
    }
    for seed in range(runs):
        seeded = replace(base, settings=replace(base.settings, seed=seed))
        evidence = judged_twice(seeded, lambda t: opinions[t.mask, t.prompt_id], sample=400)
        for name, at in cases.items():
            found = catalog.load("metric", name).second(evidence, at, 0.95)
            values[name].append(found.value)
            held[name] += found.interval.low <= truth[name] <= found.interval.high
    for name in cases:
        error = np.std(values[name]) / np.sqrt(runs)
        assert error > 0
        assert abs(np.mean(values[name]) - truth[name]) < 4 * error
        assert held[name] >= 0.93 * runs, (name, held[name])
