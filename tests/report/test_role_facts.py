from __future__ import annotations

from gatekeeper.report.role_facts import role_facts
from tests.metrics.test_of_selections import roles
from tests.typed import some


def test_no_expert_is_named():
    facts = some(role_facts(roles(["HRCG", "unclear"])))
    assert facts.counts == {"HCDG": 0, "HRCG": 1, "unclear": 1}
    assert facts.least == 0.9
    assert "ExpertId" not in repr(facts)


def test_a_reason_stands_for_them():
    assert some(role_facts("not asked for")).reason == "not asked for"
    assert role_facts(None) is None
