from __future__ import annotations

from dataclasses import replace

from gatekeeper.evidence.wire_roles import roles_from_json, roles_to_json
from gatekeeper.records.finding import Interval
from gatekeeper.records.model import ExpertId
from gatekeeper.records.role import GroupRole, ProbeFact
from tests.metrics.test_of_selections import roles

INTERVAL = Interval(low=0.1, high=0.9, confidence=0.95, method="simulated")
PROBE = ProbeFact(name="residual stream", auroc=0.9, interval=INTERVAL, n=80, clusters=40)


def test_they_come_back_as_they_were():
    given = roles(["HCDG", "HRCG", "unclear"])
    first = replace(given.experts[0], probe=PROBE, by_sets=("HCDG",))
    group = GroupRole(
        name="all selected",
        experts=(ExpertId(1, 2),),
        detection_loss=0.2,
        detection_interval=INTERVAL,
        refusal_loss=3.0,
        refusal_interval=INTERVAL,
    )
    given = replace(
        given,
        experts=(first, *given.experts[1:]),
        groups=(group,),
        controls=(PROBE,),
        notes=("a note",),
    )
    assert roles_from_json(roles_to_json(given)) == given
    assert roles_from_json(roles_to_json("not asked for")) == "not asked for"
