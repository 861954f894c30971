from __future__ import annotations

import itertools
from dataclasses import replace

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


def test_controls_are_near_wherever_the_model_has_the_like(selection, frequency):
    """Sixteen experts a layer: few candidates, and yet controls miss by a fifth at most."""
    for k in (2, 4, 8):
        eight = [m for m in controls(selection, frequency) if m.k == k]
        selected = busy(frequency, selected_masks(selection, (k,)))
        assert 0.8 < busy(frequency, eight) / selected < 1.25


def busy(frequency, masks):
    return np.mean([[frequency[e.layer - 1, e.expert] for e in m.experts] for m in masks])


def test_the_busiest_of_all_get_the_busiest_of_the_rest(selection):
    """Nothing matches them; the controls come close to what is left, not to the average."""
    frequency = np.full((LAYERS, EXPERTS), 0.05)
    for expert in ranked_experts(selection, 8):
        frequency[expert.layer - 1, expert.expert] = 0.9
    others = [
        ExpertId(site.layer, e)
        for site in SITES
        for e in range(EXPERTS)
        if ExpertId(site.layer, e) not in ranked_experts(selection, 8)
    ]
    for expert in others[:30]:
        frequency[expert.layer - 1, expert.expert] = 0.3
    eight = [m for m in controls(selection, frequency) if m.k == 8]
    assert busy(frequency, eight) == pytest.approx(0.3)


def test_no_two_controls_of_a_size_are_the_same_set(selection, frequency):
    for seed in range(5):
        masks = controls(selection, frequency, seed=seed)
        for k in KS:
            sets = [frozenset(m.experts) for m in masks if m.k == k]
            assert len(set(sets)) == len(sets) == 20


def test_there_are_only_as_many_controls_of_one_expert_as_there_are_experts(selection, frequency):
    masks = controls(selection, frequency, count=200)
    ones = [m for m in masks if m.k == 1]
    assert len({m.experts for m in ones}) == len(ones) == LAYERS * EXPERTS - 8
    assert len([m for m in masks if m.k == 8]) == 200


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


def test_a_size_above_half_of_the_experts_leaves_smaller_ones_their_controls(selection, frequency):
    half = LAYERS * EXPERTS // 2
    entry = selection.ranked[0]
    everyone = [ExpertId(site.layer, e) for site in SITES for e in range(site.experts)]
    ranked = replace(selection, ranked=tuple(replace(entry, expert=e) for e in everyone))
    made = {"count": 5, "seed": 0}
    found = control_masks(ranked, (1, 4, half + 1), frequency, SITES, **made)
    assert {m.k for m in found} == {1, 4}
    assert found == control_masks(ranked, (1, 4), frequency, SITES, **made)
    largest = control_masks(ranked, (half,), frequency, SITES, **made)
    assert [len(set(m.experts)) for m in largest] == [half]  # there is only one such set
