from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper import catalog
from gatekeeper.analysis.changes import DRAWS, alike, part_changes, variant_changes
from gatekeeper.analysis.environments import phi_of
from gatekeeper.records.environment import Change, Environment
from gatekeeper.records.model import ExpertId, MoeSite
from tests.analysis.planted import planted
from tests.analysis.test_environments import two_worlds

CONTRAST, FREQUENCY = (catalog.load("selector", n) for n in ("ses-contrast", "ses-frequency"))


def one_world():
    """Categories and languages that mean nothing to the model."""
    found = planted((ExpertId(1, 3), ExpertId(2, 7)), seeds=40, effect=8.0)
    found = replace(found, size=2)
    half = np.array([int(s[1:]) % 2 == 0 for s in found.seeds])
    return found, {
        "category": np.where(half, "weapons", "fraud"),
        "language": np.full(len(half), "en"),
    }


def test_parts_that_use_other_experts_are_named():
    (found,) = part_changes(*two_worlds(), [CONTRAST])
    assert (found.dimension, found.selector, found.value) == ("category", "ses-contrast", "")
    assert found.phi < 0.2 < found.low <= found.usual
    assert found.changes
    assert found.draws == DRAWS


def test_parts_that_mean_nothing_are_not():
    (found,) = part_changes(*one_world(), [CONTRAST])
    assert not found.changes
    assert found.phi == pytest.approx(1) and found.usual == pytest.approx(1)


def test_chance_names_one_of_twenty_at_most():
    """Noise alone, forty worlds: a test at 5 % that named ten of them would not be one."""
    named = 0
    for seed in range(40):
        world, values = one_world()
        generator = np.random.default_rng(seed)
        shape = world.profile.counts["prompt"].shape
        counts = {w: generator.integers(0, 9, shape).astype(np.int32) for w in world.profile.counts}
        noise = replace(world, profile=replace(world.profile, counts=counts), resamples=20)
        (found,) = part_changes(noise, values, [FREQUENCY])
        named += found.changes
    assert named <= 6, "binomial(40, 0.05) exceeds 6 once in 300"


def test_the_same_seed_deals_the_same():
    world, values = two_worlds()
    assert part_changes(world, values, [CONTRAST]) == part_changes(world, values, [CONTRAST])


def test_a_selector_without_enough_prompts_is_left_out():
    world, values = two_worlds()
    attribution = catalog.load("selector", "attribution")
    bare = replace(world, profile=replace(world.profile, attribution=None))
    assert part_changes(bare, values, [attribution]) == ()


def variant(selection, within, name="int8"):
    without = tuple(r.expert for r in selection.ranked[:2])
    return Environment(
        dimension="format",
        values=(name,),
        selector=selection.selector,
        within=within,
        without=without,
        seeds=40,
        others=40,
    )


def test_variants_are_held_against_resamples():
    world, _ = one_world()
    own = CONTRAST.select(world)
    first = tuple(r.expert for r in own.ranked[:2])
    other = (ExpertId(4, 0), ExpertId(4, 1))
    found = variant_changes(
        world.profile.sites, [own], [variant(own, first), variant(own, other, "bfloat16")]
    )
    assert [(c.value, c.changes) for c in found] == [("int8", False), ("bfloat16", True)]
    assert found[0].phi == pytest.approx(1)
    assert found[0].usual == own.phi.value and found[0].low == own.phi.interval.low
    assert found[1].phi < 0


def test_without_a_phi_nothing_is_said():
    world, _ = one_world()
    own = replace(CONTRAST.select(world), phi=None)
    first = tuple(r.expert for r in own.ranked[:2])
    assert variant_changes(world.profile.sites, [own], [variant(own, first)]) == ()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 11), st.lists(st.permutations(range(12)), min_size=2, max_size=6))
def test_of_choices_it_is_nogueiras(size, orders):
    sites = (MoeSite(layer=0, path="x", experts=12, top_k=1, shared=0),)
    chosen = np.zeros((len(orders), 12))
    for row, order in zip(chosen, orders, strict=True):
        row[order[:size]] = 1
    sets = [tuple(ExpertId(0, expert) for expert in order[:size]) for order in orders]
    assert alike(chosen, 12) == pytest.approx(phi_of(sites, sets).value)


def test_where_it_is_not_defined():
    assert alike(np.ones((3, 4)), 4) is None
    assert alike(np.zeros((3, 4)), 4) is None
    assert alike(np.full((1, 4), 0.5), 4) is None


def test_as_low_as_chance_is_no_change():
    plain = {"dimension": "category", "value": "", "selector": "x", "usual": 0.8, "draws": 19}
    assert not Change(phi=0.5, low=0.5, **plain).changes
    assert Change(phi=0.49, low=0.5, **plain).changes
