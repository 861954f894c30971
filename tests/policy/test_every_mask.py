"""A rule about every mask that was run: none of those that the seed draws may be left out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from gatekeeper.analysis.masks import control_masks
from gatekeeper.policy.needs import requirements
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Subject
from gatekeeper.verify.masks import lacks_causes, left_out
from gatekeeper.verify.recorded import unrecorded
from tests.typed import some
from tests.verify.test_comparison_masks import told

from .builders import make_policy, make_rule


@cache
def whole() -> Evidence:
    """With the random masks that its seed draws, and those beside."""
    evidence = told()
    settings = replace(evidence.settings, controls=4, seed=7, metrics={"refusal-drop": 2})
    regular = {p.id for p in evidence.suite.prompts if p.set == "regular"}
    rows = np.flatnonzero([i in regular for i in some(evidence.profile).prompt_ids])
    frequency = some(evidence.profile).frequency("prompt", rows).mean(axis=0)
    sites = some(evidence.profile).sites
    drawn = [
        mask
        for one in evidence.selections
        for mask in control_masks(one, settings.ks, frequency, sites, count=4, seed=7)
    ]
    assert len(drawn) > 4
    others = [mask for mask in evidence.masks if mask.arm != "control"]
    return replace(evidence, settings=settings, masks=(*others, *drawn))


def without(evidence: Evidence, arm: str, *, but: int = 0) -> Evidence:
    """Leaves so many masks of an arm."""
    own = [mask for mask in evidence.masks if mask.arm == arm]
    assert len(own) > but
    dropped = {mask.name for mask in own[but:]}
    return replace(evidence, masks=tuple(m for m in evidence.masks if m.name not in dropped))


def with_others(evidence: Evidence) -> Evidence:
    """As if each random mask had been picked from several: the next one's experts in its place."""
    own = [mask for mask in evidence.masks if mask.arm == "control"]
    moved = {
        mask.name: next(m.experts for m in (*own, *own) if m.k == mask.k and m.name > mask.name)
        for mask in own
        if any(m.k == mask.k and m.name > mask.name for m in own)
    }
    masks = (replace(m, experts=moved.get(m.name, m.experts)) for m in evidence.masks)
    return replace(evidence, masks=tuple(masks))


def unmet(evidence: Evidence, metric: str) -> dict[str, str]:
    policy = make_policy(make_rule(metric=metric, subjects=(Subject(k=1),)))
    return {need.name: need.detail for need in requirements(evidence, policy) if not need.met}


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (lambda: without(whole(), "beside"), "busy on benign prompts are missing"),
        (lambda: without(whole(), "control", but=3), "not those that the seed draws"),
        (lambda: with_others(whole()), "not those that the seed draws"),
        (
            lambda: replace(whole(), settings=replace(whole().settings, metrics={})),
            "nothing shows that no mask was left out",
        ),
    ],
)
def test_a_mask_that_is_left_out_is_no_pass(evidence, why):
    assert why in (left_out(evidence()) or "")
    assert why in unmet(evidence(), "worst-mask-drop")["every mask"]


def test_masks_by_cause_that_are_left_out_are_no_pass():
    masks = tuple(m for m in whole().masks if not (m.selector or "").startswith("cause/"))
    dropped = replace(whole(), masks=masks)
    assert "cause of their role" in unmet(dropped, "worst-mask-drop")["every mask"]
    assert any("cause of their role" in what for what in unrecorded(dropped))
    # With two folds none is run.
    folds = replace(dropped, settings=replace(dropped.settings, cross_fit=True))
    assert not lacks_causes(folds)


def test_all_that_the_seed_draws_is_enough():
    assert left_out(whole()) is None
    assert "every mask" not in unmet(whole(), "worst-mask-drop")


def test_only_rules_about_every_mask_need_it():
    assert "every mask" not in unmet(without(whole(), "beside"), "refusal-drop")
