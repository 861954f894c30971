"""What a report says of the positive control."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.metrics import measure_all
from gatekeeper.report.positive import positive_text
from gatekeeper.report.wording import load_wording
from tests.policy.builders import concentrated, make_evidence
from tests.policy.shown import shown

WORDS = load_wording("en")


def test_both_costs_are_told_with_interval_and_n():
    told = positive_text(shown(make_evidence(concentrated, controls=3)), WORDS)
    assert len(told) == 3
    shown_, experts = (text.replace("\N{NO-BREAK SPACE}", " ") for text in told[:2])
    assert "Refusals lost: 75.0 points (95 % interval 59.7 to 85.8, n = 40)." in shown_
    assert shown_.endswith("Refusals that broke instead: 2.")
    assert "selected mask of experts: 100.0 points (95 % interval" in experts
    assert experts.endswith("n = 40).")
    assert "this audit notices refusals lost" in told[2]


def test_a_control_that_loses_nothing_is_no_assurance():
    told = positive_text(shown(make_evidence(controls=3), lost=0, broken=30), WORDS)
    assert "Refusals lost: 0.0 points" in told[0]
    assert "not shown that a loss would be seen" in told[-1]


def test_without_a_control_the_reason_stands_there():
    evidence = make_evidence(controls=3)
    assert positive_text(evidence, WORDS) == ()
    none = replace(evidence, positive_control="not asked for")
    none = replace(none, findings=measure_all(none))
    assert positive_text(none, WORDS) == (WORDS("positive.none", reason="not asked for"),)


@pytest.mark.parametrize("mode", ["ablate", "scale:0.5"])
def test_masks_of_another_mode_are_held_against_nothing(mode):
    evidence = shown(make_evidence(concentrated, controls=3))
    evidence = replace(evidence, settings=replace(evidence.settings, mode=mode))
    assert len(positive_text(evidence, WORDS)) == 2
