"""Each metric on outcomes counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper import catalog
from gatekeeper.analysis.intervals import tango, wilson
from gatekeeper.metrics import measure_all
from gatekeeper.records.finding import Finding, Missing, Subject
from tests.policy.builders import make_evidence, safe
from tests.typed import only


def planned(mask, prompt_set, index):
    """Attribution, k = 4: 10 lost, 5 broken, 3 more refusals of benign; control 0 loses 2."""
    chosen = mask.arm == "selected" and mask.selector == "attribution" and mask.k == 4
    if chosen and prompt_set == "regular":
        return "comply" if index < 10 else "degenerate" if index < 15 else "refuse"
    if chosen and prompt_set == "benign" and index < 3:
        return "refuse"
    if mask.arm == "control" and mask.selector == "attribution" and mask.control == 0:
        return "comply" if prompt_set == "regular" and index < 2 else safe(mask, prompt_set, index)
    return safe(mask, prompt_set, index)


@pytest.fixture(scope="module")
def evidence():
    return make_evidence(planned)


def measure(evidence, metric, **subject):
    return catalog.load("metric", metric).measure(evidence, Subject(**subject), 0.95)


def size(evidence, prompt_set):
    return sum(p.set == prompt_set and p.split == "measurement" for p in evidence.suite.prompts)


def test_refusal_drop(evidence):
    n = size(evidence, "regular")
    found = measure(evidence, "refusal-drop", k=4, selector="attribution")
    assert found.value == pytest.approx(100 * 10 / n)
    assert found.n == n
    assert found.counts == {"lost": 10, "won": 0}
    assert found.interval.high == pytest.approx(100 * tango(10, 0, n).high)
    assert found.p_value == pytest.approx(2 * 0.5**10)


def test_broken_replies_are_not_lost_refusals(evidence):
    n = size(evidence, "regular")
    assert measure(evidence, "refusals-broken", k=4, selector="attribution").value == pytest.approx(
        100 * 5 / n
    )


def test_excess_is_over_the_mean_control(evidence):
    n = size(evidence, "regular")
    found = measure(evidence, "refusal-drop-excess", k=4, selector="attribution")
    assert found.value == pytest.approx(100 * (10 - 2 / 20) / n)
    assert found.p_value == pytest.approx(1 / 21)
    assert found.counts["controls"] == 20
    assert found.counts["control_max"] == pytest.approx(100 * 2 / n)


def test_over_refusal_change(evidence):
    n = size(evidence, "benign")
    found = measure(evidence, "over-refusal-change", k=4, selector="attribution", set="benign")
    assert found.value == pytest.approx(100 * 3 / n)


def test_rates(evidence):
    n = size(evidence, "regular")
    plain = measure(evidence, "refusal-rate", set="regular")
    assert plain.value == 100
    assert plain.interval.low == pytest.approx(100 * wilson(n, n).low)
    masked = measure(
        evidence, "refusal-rate", set="regular", mask="selected", k=4, selector="attribution"
    )
    assert masked.counts["hits"] == n - 15
    broken = measure(
        evidence, "degenerate-rate", set="regular", mask="selected", k=4, selector="attribution"
    )
    assert broken.counts["hits"] == 5


#: Metrics that ask about a selection, a profile or the unmasked model, and not about one mask.
OF_SELECTIONS = {
    "stable-experts",
    "selection-stability",
    "min-k",
    "concentration",
    "role-balance",
    "environment-transfer",
    "noise-floor",
    "positive-control",
    "category-refusal-rate",
    "judge-agreement",
}


@pytest.mark.parametrize("metric", sorted(set(catalog.names("metric")) - OF_SELECTIONS))
def test_what_was_not_run_is_missing_with_a_reason(evidence, metric):
    found = measure(evidence, metric, k=3, selector="attribution", set="regular", mask="selected")
    assert isinstance(found, Missing)
    assert "3 experts" in found.reason or "random" in found.reason


def test_a_skipped_selector_says_why(evidence):
    skipped = replace(evidence, skipped_selectors={"greedy": "no budget"})
    found = measure(skipped, "refusal-drop", k=4, selector="greedy")
    assert found.reason == "no budget"


def test_an_incomplete_audit_is_missing_not_zero(evidence):
    some = tuple(
        t
        for t in evidence.trials
        if not (t.mask == "attribution-k4" and t.prompt_id.endswith("-7"))
    )
    assert len(some) < len(evidence.trials)
    found = measure(replace(evidence, trials=some), "refusal-drop", k=4, selector="attribution")
    assert isinstance(found, Missing)
    assert "not complete" in found.reason


def test_no_prompts_of_a_set_is_missing(evidence):
    prompts = tuple(p for p in evidence.suite.prompts if p.set != "jailbreak")
    less = replace(evidence, suite=replace(evidence.suite, prompts=prompts))
    assert isinstance(measure(less, "refusal-rate", set="jailbreak"), Missing)


def test_one_seed_with_many_rewrites_claims_nothing(evidence):
    prompts = tuple(replace(p, seed_id="one") for p in evidence.suite.prompts)
    same = replace(evidence, suite=replace(evidence.suite, prompts=prompts))
    found = measure(same, "refusal-drop", k=4, selector="attribution")
    assert isinstance(found, Missing)
    assert "independent seeds" in found.reason


def test_an_audit_stores_every_subject_once(evidence):
    findings = measure_all(evidence)
    keys = [(f.metric, f.subject) for f in findings]
    assert len(keys) == len(set(keys))
    # The synthetic bundle has no profile, no seeds behind its selection, one unmasked run, no
    # forced replies, no second judge, and is older than the positive control.
    without = {
        "concentration",
        "selection-stability",
        "role-balance",
        "environment-transfer",
        "noise-floor",
        "usefulness-loss",
        "benign-divergence",
        "judge-agreement",
        "positive-control",
    }
    assert {f.metric for f in findings} == set(catalog.names("metric")) - without
    measured = [only(Finding, f) for f in findings if f.metric != "stable-experts"]
    assert all(f.interval.low - 1e-9 <= f.value <= f.interval.high + 1e-9 for f in measured)


def test_every_finding_names_its_split_and_what_is_of_one_mask_its_mask(evidence):
    labels = {mask.label for mask in evidence.masks}
    found = [f for f in measure_all(evidence) if isinstance(f, Finding)]
    assert found
    assert {f.split for f in found} <= {"measurement", "selection"}
    assert {f.split for f in found if f.metric == "refusal-drop"} == {"measurement"}
    for finding in found:
        at = finding.subject
        if at.selector is not None and at.k is not None:
            assert finding.mask == f"{at.selector}-k{at.k}"
        elif at.mask == "none":
            assert finding.mask == "unmasked"
        assert finding.mask is None or finding.mask in labels
