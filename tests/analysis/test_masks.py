from __future__ import annotations

import itertools

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.analysis.masks import control_masks, selected_masks
from gatekeeper.records.model import ExpertId, MoeSite
from tests.analysis.planted import EXPERTS, LAYERS, SITES, planted

KS = (1, 2, 4, 8)


@pytest.fixture(scope="module")
def selection():
    return catalog.load("selector", "ses-contrast").select(planted((ExpertId(2, 5),)))


@pytest.fixture
def frequency():
    generator = np.random.default_rng(1)
    return generator.dirichlet(np.full(EXPERTS, 0.7), LAYERS) * 2


def controls(selection, frequency, **changes):
    settings = {"count": 20, "seed": 0} | changes
    return control_masks(selection, KS, frequency, SITES, **settings)


def test_selected_masks_are_nested(selection):
    masks = selected_masks(selection, KS)
    assert [m.k for m in masks] == list(KS)
    for small, large in itertools.pairwise(masks):
        assert large.experts[: small.k] == small.experts


def test_a_mask_larger_than_the_model_is_left_out(selection):
    assert selected_masks(selection, (4, 65))[-1].k == 4


def test_controls_are_as_many_nested_repeatable_and_free_of_the_selected(selection, frequency):
    masks = controls(selection, frequency)
    assert len(masks) == 20 * len(KS)
    assert masks == controls(selection, frequency)
    assert masks != controls(selection, frequency, seed=1)
    chosen = set(selected_masks(selection, KS)[-1].experts)
    for index in range(20):
        chain = [m for m in masks if m.control == index]
        for small, large in itertools.pairwise(chain):
            assert large.experts[: small.k] == small.experts
        assert len(set(chain[-1].experts)) == 8
        assert not chosen & set(chain[-1].experts)


def test_controls_are_as_busy_as_what_they_stand_for(selection, frequency):
    def busy(masks):
        return np.mean([[frequency[e.layer - 1, e.expert] for e in m.experts] for m in masks])

    eight = [m for m in controls(selection, frequency) if m.k == 8]
    selected = busy(selected_masks(selection, (8,)))
    everyone = frequency.mean()
    assert abs(busy(eight) - selected) < 0.5 * abs(everyone - selected) + 0.03


def test_controls_stay_in_the_layer_where_it_has_enough_experts():
    sites = (
        MoeSite(layer=1, path="a", experts=64, top_k=2, shared=0),
        MoeSite(layer=2, path="b", experts=64, top_k=2, shared=0),
    )
    ranked = catalog.load("selector", "ses-contrast").select(planted((ExpertId(1, 3),)))
    masks = control_masks(ranked, (2,), np.full((2, 64), 2 / 64), sites, count=20, seed=0)
    layers = [e.layer for e in ranked_experts(ranked, 2)]
    assert all([e.layer for e in m.experts] == layers for m in masks if max(layers) <= 2)
    assert len({m.experts for m in masks}) > 10


def ranked_experts(selection, count):
    return [r.expert for r in selection.ranked[:count]]


def test_a_model_with_too_few_experts_has_no_controls(selection):
    sites = (MoeSite(layer=1, path="a", experts=2, top_k=1, shared=0),)
    assert control_masks(selection, (8,), np.ones((1, 2)), sites, count=5, seed=0) == ()
