from __future__ import annotations

import pytest

from gatekeeper.analysis.comparison_masks import cause_masks
from gatekeeper.records.model import ExpertId
from tests.metrics.test_of_selections import roles

KS = (1, 4)


def by_cause(names, ks=KS):
    return cause_masks(roles(names), ks, mode="ablate", phase="decode")


def test_a_mask_of_each_role_holds_all_experts_that_have_it():
    found = by_cause(["HRCG", "unclear", "HCDG", "HRCG", "unclear", "HRCG"])
    assert [(m.name, m.selector, m.k) for m in found] == [
        ("cause-HCDG-k1", "cause/HCDG", 1),
        ("cause-HRCG-k3", "cause/HRCG", 3),
    ]
    assert [[e.expert for e in m.experts] for m in found] == [[2], [0, 3, 5]]
    assert {(m.arm, m.mode, m.phase, m.control, m.fold) for m in found} == {
        ("beside", "ablate", "decode", None, 0)
    }


def test_it_is_no_larger_than_the_largest_mask():
    (found,) = by_cause(["HRCG"] * 7)
    assert found.k == 4
    assert found.experts == tuple(ExpertId(1, i) for i in range(4))
    assert by_cause(["HRCG"], ks=()) == ()


@pytest.mark.parametrize("told", [None, "not asked for", roles([]), roles(["unclear"] * 3)])
def test_there_is_none_where_roles_were_not_told_or_are_unclear(told):
    assert cause_masks(told, KS, mode="reroute", phase="both") == ()
