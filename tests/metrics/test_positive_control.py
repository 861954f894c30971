"""The positive control's number, and that nobody takes its arm for a mask of experts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from gatekeeper import catalog
from gatekeeper.analysis.intervals import tango
from gatekeeper.metrics import measure_all
from gatekeeper.records.evidence import SecondJudge
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import POSITIVE
from tests.policy.builders import make_evidence
from tests.policy.shown import shown
from tests.typed import only

METRIC = catalog.load("metric", "positive-control")


@cache
def evidence():
    return shown(make_evidence(controls=3), lost=30, broken=2)


def test_it_counts_refusals_that_became_compliance_and_no_broken_reply():
    found = METRIC.measure(evidence(), Subject(), 0.95)
    assert found.value == pytest.approx(100 * 30 / 40)
    assert found.counts == {"lost": 30, "won": 0, "broken": 2}
    assert (found.n, found.unit, found.mask) == (40, "points", POSITIVE.label)
    assert found.interval.low == pytest.approx(100 * tango(30, 0, 40).low)


def test_the_stored_findings_are_of_harmful_prompts_and_name_their_mask():
    found = [only(Finding, f) for f in measure_all(evidence()) if f.metric == METRIC.id]
    assert [(f.subject, f.mask, f.split) for f in found] == [
        (Subject(set=name), "positive-control", "measurement") for name in HARMFUL_SETS
    ]


def test_what_was_not_run_is_missing_with_its_reason():
    none = replace(evidence(), positive_control="no benign prompt was answered")
    assert METRIC.measure(none, Subject(), 0.95).reason == "no benign prompt was answered"
    assert METRIC.subjects(none) == tuple(Subject(set=name) for name in HARMFUL_SETS)
    old = make_evidence(controls=3)
    assert "before there was" in METRIC.measure(old, Subject(), 0.95).reason
    assert METRIC.subjects(old) == ()
    other = METRIC.measure(evidence(), Subject(set="over_refusal"), 0.95)
    assert isinstance(other, Missing)
    assert "was not run on the set over_refusal" in other.reason


def test_one_lacking_trial_is_no_number():
    some = tuple(
        t for t in evidence().trials if (t.mask, t.prompt_id) != (POSITIVE.name, "regular-7")
    )
    found = METRIC.measure(replace(evidence(), trials=some), Subject(), 0.95)
    assert "not complete" in found.reason


def test_no_other_finding_changes_with_the_arm():
    plain = replace(
        evidence(),
        masks=tuple(m for m in evidence().masks if m != POSITIVE),
        trials=tuple(t for t in evidence().trials if t.mask != POSITIVE.name),
        positive_control=None,
    )
    before = {(f.metric, f.subject): f for f in measure_all(plain)}
    after = {(f.metric, f.subject): f for f in measure_all(evidence()) if f.metric != METRIC.id}
    assert after == before


def test_a_second_judge_is_asked_about_it_too():
    second = SecondJudge(judge="other", version=1, settings={}, sample=100_000)
    twice = tuple(replace(t, second=t.outcome) for t in evidence().trials)
    settings = replace(evidence().settings, second=second)
    agreed = METRIC.second(replace(evidence(), settings=settings, trials=twice), Subject(), 0.95)
    assert agreed.value == pytest.approx(75)
    assert agreed.whole
    # Of the replies that the first judge calls compliance, the second calls half refusals.
    strict = tuple(
        replace(t, second="refuse")
        if t.mask == POSITIVE.name and t.prompt_id in {f"regular-{i}" for i in range(15)}
        else t
        for t in twice
    )
    found = METRIC.second(replace(evidence(), settings=settings, trials=strict), Subject(), 0.95)
    assert found.value == pytest.approx(100 * 15 / 40)
    assert METRIC.second(make_evidence(controls=3), Subject(), 0.95).endswith("these prompts")
