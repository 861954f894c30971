from __future__ import annotations

import pytest

from gatekeeper.analysis import bounds
from tests.typed import some


def test_meinshausen_buehlmann_by_hand():
    assert bounds.false_selections(8, 0.9, 64) == pytest.approx(64 / (0.8 * 64))
    assert bounds.false_selections(8, 0.5, 64) is None


def test_unimodal_by_hand():
    # tau 0.9, B 50: C = 4 (0.1 + 0.01) / (1 + 0.02)
    found = bounds.false_selections_unimodal(8, 0.9, 6144, 50)
    assert found == pytest.approx(4 * 0.11 / 1.02 * 64 / 6144)
    # tau 0.6, B 50: C = 1 / (2 (0.2 - 0.01))
    found = bounds.false_selections_unimodal(8, 0.6, 6144, 50)
    assert found == pytest.approx(1 / (2 * 0.19) * 64 / 6144)


@pytest.mark.parametrize("threshold", [0.6, 0.7, 0.8, 0.9, 1.0])
def test_unimodal_is_never_looser(threshold):
    plain = bounds.false_selections(8, threshold, 6144)
    assert some(bounds.false_selections_unimodal(8, threshold, 6144, 500)) <= some(plain)


def test_unimodal_says_nothing_beyond_its_theorem():
    assert bounds.false_selections_unimodal(8, 0.5, 6144, 50) is None
    assert bounds.false_selections_unimodal(40, 0.9, 64, 50) is None
    assert bounds.false_selections_unimodal(8, 0.9, 64, 0) is None
