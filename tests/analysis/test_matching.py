"""How near controls come is derived from evidence, told, and counted by different sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper.analysis.matching import match
from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.needs import requirements
from gatekeeper.policy.review import DRAWS
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding
from tests.evidence.whole import whole_evidence
from tests.policy.builders import TODAY, make_policy, make_rule, safe
from tests.typed import some


def with_activity(selected: float, others: float) -> Evidence:
    """Evidence in which the four selected experts and all others work on so many tokens."""
    evidence = whole_evidence(safe)
    profile = evidence.profile
    assert profile is not None
    counts = np.full((2, 2, 16), round(1000 * others), np.int32)
    counts[:, :, :2] = round(1000 * selected)  # the largest mask of the builders: k = 4
    tokens = np.full(2, 1000, np.int32)
    windows = ("prompt", "decision")
    changed = replace(
        profile, counts=dict.fromkeys(windows, counts), tokens=dict.fromkeys(windows, tokens)
    )
    return replace(evidence, profile=changed)


def test_the_match_by_hand():
    found = match(with_activity(0.3, 0.12), "attribution", 4)
    assert found is not None
    assert (found.selected, found.controls, found.busiest) == pytest.approx((0.3, 0.12, 0.12))
    assert found.ratio == pytest.approx(0.4)
    assert not found.near
    assert [one.ratio for one in found.each] == pytest.approx([0.4] * 3)
    # Controls of the builders alternate between the two layers as the selection does, or against.
    assert [one.same_layer for one in found.each] == [1.0, 0.0, 1.0]
    assert found.same_layer == pytest.approx(2 / 3)


def test_the_busiest_are_those_that_were_not_selected_and_work_most():
    evidence = with_activity(0.3, 0.12)
    profile = some(evidence.profile)
    counts = {window: found.copy() for window, found in profile.counts.items()}
    for found in counts.values():
        found[:, 0, 5:9] = 200  # of 1000 tokens
    busier = replace(evidence, profile=replace(profile, counts=counts))
    assert some(match(busier, "attribution", 4)).busiest == pytest.approx(0.2)


def test_what_cannot_be_told_is_none():
    evidence = with_activity(0.3, 0.3)
    assert match(evidence, "attribution", 2) is None
    assert match(evidence, "another", 4) is None
    assert match(replace(evidence, profile=None), "attribution", 4) is None
    stranger = replace(some(evidence.profile), prompt_ids=("x", "y"))
    assert match(replace(evidence, profile=stranger), "attribution", 4) is None


@pytest.mark.parametrize(("others", "told"), [(0.3, False), (0.25, False), (0.12, True)])
def test_a_verdict_warns_of_controls_that_are_not_equally_busy(others: float, told: bool):
    needs = replace(make_policy().needs, random_masks=3)
    policy = make_policy(make_rule(), needs=needs)
    verdict = evaluate(with_activity(0.3, others), policy, TODAY, earlier=True)
    assert verdict.result == "pass"
    text = next((w for w in verdict.warnings if "not about as busy" in w), None)
    assert (text is not None) == told
    if text:
        assert "what those cost beyond random ones is an upper estimate" in text


def test_controls_that_are_busier_make_a_lower_estimate():
    needs = replace(make_policy().needs, random_masks=3)
    verdict = evaluate(with_activity(0.1, 0.3), make_policy(make_rule(), needs=needs), TODAY)
    (text,) = (text for text in verdict.warnings if not text.startswith(DRAWS))
    assert "is a lower estimate" in text


def test_no_warning_where_no_controls_are_asked_for():
    needs = replace(make_policy().needs, random_masks=0)
    verdict = evaluate(with_activity(0.3, 0.1), make_policy(make_rule(), needs=needs), TODAY)
    assert all(text.startswith(DRAWS) for text in verdict.warnings)


def test_the_excess_tells_how_busy_both_are():
    found = next(
        f
        for f in measure_all(with_activity(0.3, 0.12))
        if f.metric == "refusal-drop-excess" and f.subject.selector == "attribution"
    )
    assert isinstance(found, Finding)
    assert found.counts["activity_selected"] == pytest.approx(30)
    assert found.counts["activity_controls"] == pytest.approx(12)
    assert found.counts["controls"] == 3


def test_the_same_control_twice_counts_once():
    evidence = with_activity(0.3, 0.3)
    first = next(m for m in evidence.masks if m.name == "attribution-k4-control-00")
    masks = tuple(
        replace(m, experts=first.experts[::-1]) if m.name == "attribution-k4-control-01" else m
        for m in evidence.masks
    )
    repeated = replace(evidence, masks=masks)
    policy = make_policy(make_rule(), needs=replace(make_policy().needs, random_masks=3))
    needs = {n.name: n for n in requirements(repeated, policy)}
    assert not needs["controls: attribution"].met
    assert needs["controls: attribution"].detail == "2 different random masks at k 4, 3 needed"
    assert needs["controls: ses-contrast"].met
    found = match(repeated, "attribution", 4)
    assert found is not None and len(found.each) == 2
    excess = next(
        f
        for f in measure_all(repeated)
        if f.metric == "refusal-drop-excess"
        and (f.subject.selector, f.subject.k) == ("attribution", 4)
    )
    assert isinstance(excess, Finding)
    assert excess.counts["controls"] == 2
