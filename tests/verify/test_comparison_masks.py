"""Masks beside the selected ones follow from rankings, profile and roles."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from gatekeeper.analysis.comparison_masks import cause_masks
from gatekeeper.errors import EvidenceError
from gatekeeper.metrics import measure_all
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.model import ExpertId
from gatekeeper.records.role import Roles
from gatekeeper.verify.verify import recheck
from tests.metrics.test_of_selections import roles
from tests.policy.profiled import profiled_evidence, with_trials
from tests.policy.told_roles import told_roles
from tests.typed import only


@cache
def told(*, cause: bool = True) -> Evidence:
    """Evidence with masks beside the selected ones; without those by cause as older versions."""
    evidence = profiled_evidence()
    evidence = replace(evidence, roles=told_roles(evidence, ["HRCG", "HCDG", "unclear", "HRCG"]))
    settings = evidence.settings
    how = {"mode": settings.mode, "phase": settings.phase}
    masks = (
        *evidence.masks,
        *(cause_masks(evidence.roles, settings.ks, **how) if cause else ()),
    )
    made = replace(evidence, masks=masks, settings=replace(settings, roles=True))
    return measured(with_trials(made))


def measured(evidence: Evidence) -> Evidence:
    return replace(evidence, findings=measure_all(evidence))


def altered(name: str, **changes) -> Evidence:
    masks = tuple(replace(m, **changes) if m.name == name else m for m in told().masks)
    assert masks != told().masks
    return measured(replace(told(), masks=masks))


def test_a_bundle_with_masks_by_cause_follows_from_its_roles():
    names = [m.name for m in told().masks if m.arm == "beside"]
    assert names[-2:] == ["cause-HCDG-k1", "cause-HRCG-k2"]
    assert recheck(told()).masks == len(told().masks)


def test_a_bundle_written_before_there_were_any_still_does():
    old = told(cause=False)
    assert not any((m.selector or "").startswith("cause/") for m in old.masks)
    assert recheck(old).masks == len(old.masks)


@pytest.mark.parametrize(
    "evidence",
    [
        lambda: altered("cause-HRCG-k2", experts=(ExpertId(1, 0), ExpertId(1, 9))),
        lambda: altered("cause-HRCG-k2", experts=(ExpertId(1, 3), ExpertId(1, 0))),
        lambda: altered("cause-HCDG-k1", mode="ablate"),
        lambda: altered("cause-HCDG-k1", selector="cause/HRCG"),
        lambda: measured(replace(told(), roles="too few prompts")),
        lambda: measured(replace(told(), roles=roles(["HRCG"] * 4))),
        # Half of them: neither of this version nor of one before.
        lambda: measured(
            replace(told(), masks=tuple(m for m in told().masks if m.name != "cause-HCDG-k1"))
        ),
        lambda: measured(
            replace(told(), masks=tuple(m for m in told().masks if m.name != "benign-top-k1"))
        ),
    ],
)
def test_anything_else_is_refused(evidence):
    with pytest.raises(EvidenceError, match="beside the selected ones do not follow"):
        recheck(evidence())


def test_roles_of_imagined_experts_are_refused():
    imagined = roles(["HRCG"])
    one = replace(imagined.experts[0], expert=ExpertId(1, 99))
    with pytest.raises(EvidenceError, match="experts that this model does not have"):
        recheck(measured(replace(told(), roles=replace(imagined, experts=(one,)))))


def test_roles_that_do_not_follow_from_their_own_intervals_are_refused():
    """Called unclear, the experts that control the response would get no mask of their own."""
    made = only(Roles, told().roles)
    experts = tuple(replace(one, role="unclear") for one in made.experts)
    masks = tuple(m for m in told().masks if not (m.selector or "").startswith("cause/"))
    forged = replace(told(), roles=replace(made, experts=experts), masks=masks)
    with pytest.raises(EvidenceError, match="roles do not follow"):
        recheck(measured(forged))
    twice = replace(made, experts=(*made.experts, made.experts[0]))
    with pytest.raises(EvidenceError, match="roles do not follow"):
        recheck(measured(replace(told(), roles=twice)))
