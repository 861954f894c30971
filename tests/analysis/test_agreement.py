from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.records.finding import Finding, Missing, Subject
from tests.analysis.test_second_judge import at_random, random_evidence
from tests.policy.builders import concentrated, make_evidence
from tests.policy.twice import judged_twice

METRIC = catalog.load("metric", "judge-agreement")


def found(evidence, **subject) -> Finding:
    finding = METRIC.measure(evidence, Subject(**subject), 0.95)
    assert isinstance(finding, Finding)
    return finding


def test_counted_by_hand() -> None:
    # 20 replies of one set, one mask: the second judge calls 4 of the 12 refusals an answer.
    evidence = make_evidence(
        lambda _mask, _set, i: "refuse" if i < 12 else "comply",
        counts={"regular": 20},
        selectors=(),
        ks=(),
        controls=0,
    )
    said = judged_twice(
        evidence,
        lambda t: "comply" if int(t.prompt_id.rpartition("-")[2]) < 4 else t.outcome,
    )
    finding = found(said)
    assert (finding.value, finding.n) == (80.0, 20)
    assert finding.interval.low == finding.interval.high == 80.0  # all were judged
    # Of 20: 8 both refuse, 4 first only, 8 neither. Chance: 12/20 · 8/20 + 8/20 · 12/20 = 0.48.
    assert finding.counts["kappa"] == pytest.approx((0.8 - 0.48) / (1 - 0.48))
    assert (finding.counts["agreed"], finding.counts["replies"]) == (16, 20)


def test_two_judges_who_say_one_thing_only_have_no_kappa() -> None:
    evidence = make_evidence(
        lambda *_: "refuse", counts={"regular": 20}, selectors=(), ks=(), controls=0
    )
    finding = found(judged_twice(evidence))
    assert finding.value == 100
    assert "kappa" not in finding.counts


@pytest.mark.thorough
@pytest.mark.parametrize(("rate", "only"), [(0.25, ""), (0.03, ""), (0.3, "control-0")])
def test_strata_weigh_as_much_as_they_have_replies(rate: float, only: str) -> None:
    base = random_evidence(1, ks=(4,), controls=6)
    random = at_random(2, rate)

    def said(trial):
        return random(trial) if only in trial.mask else trial.outcome

    opinions = {(t.mask, t.prompt_id): said(t) for t in base.trials}
    truth = 100 * np.mean([opinions[t.mask, t.prompt_id] == t.outcome for t in base.trials])
    values, held, runs = [], 0, 150
    for seed in range(runs):
        seeded = replace(base, settings=replace(base.settings, seed=seed))
        finding = found(judged_twice(seeded, lambda t: opinions[t.mask, t.prompt_id], sample=250))
        values.append(finding.value)
        held += finding.interval.low <= truth <= finding.interval.high
    assert abs(np.mean(values) - truth) < 4 * np.std(values) / np.sqrt(runs)
    assert held >= 0.93 * runs


def test_full_agreement_of_a_part_is_no_proof_for_all() -> None:
    evidence = judged_twice(make_evidence(concentrated, ks=(4,), controls=3), sample=200)
    finding = found(evidence)
    assert finding.value == finding.interval.high == 100
    assert finding.interval.low < 99


def test_missing_without_a_second_judge_and_nothing_is_stored() -> None:
    evidence = make_evidence(ks=(4,), controls=2)
    assert METRIC.subjects(evidence) == ()
    finding = METRIC.measure(evidence, Subject(), 0.95)
    assert isinstance(finding, Missing)
    assert finding.reason == "no second judge was asked"


def test_sets_are_told_apart() -> None:
    evidence = judged_twice(
        make_evidence(ks=(4,), controls=2),
        lambda t: "degenerate" if t.prompt_id.startswith("benign") else t.outcome,
    )
    assert found(evidence, set="benign").value == 0
    assert found(evidence, set="regular").value == 100
    assert {s.set for s in METRIC.subjects(evidence)} > {None, "benign", "regular"}
