from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper import catalog
from gatekeeper.analysis.changes import DRAWS, alike, part_changes, redrawn, variant_changes
from gatekeeper.analysis.environments import phi_of, rows_of
from gatekeeper.records.environment import Change, Environment
from gatekeeper.records.model import ExpertId, MoeSite
from tests.analysis.planted import planted
from tests.analysis.test_environments import two_worlds
from tests.typed import some

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
    given, labels = two_worlds()
    (found,) = part_changes(given, labels, [CONTRAST])
    assert (found.dimension, found.selector, found.value) == ("category", "ses-contrast", "")
    assert found.phi < 0.2 < found.low <= found.usual
    assert found.changes
    assert found.draws == DRAWS


def test_parts_that_mean_nothing_are_not():
    given, labels = one_world()
    (found,) = part_changes(given, labels, [CONTRAST])
    assert not found.changes
    assert found.phi == pytest.approx(1) and found.usual == pytest.approx(1)


@pytest.mark.thorough
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


def test_variants_are_held_against_redraws():
    world, _ = one_world()
    own = CONTRAST.select(world)
    first = tuple(r.expert for r in own.ranked[:2])
    other = (ExpertId(4, 0), ExpertId(4, 1))
    usual = redrawn(world, [CONTRAST])
    assert len(usual["ses-contrast"]) == DRAWS
    found = variant_changes(
        world.profile.sites, [variant(own, first), variant(own, other, "bfloat16")], usual
    )
    assert [(c.value, c.changes) for c in found] == [("int8", False), ("bfloat16", True)]
    assert found[0].phi == pytest.approx(1)
    assert found[0].low == min(usual["ses-contrast"])
    assert found[1].phi < 0


@pytest.mark.thorough
def test_other_prompts_of_the_same_world_are_no_change():
    """Twenty redraws from the world itself: a test at 5 % does not name half of them."""
    named = 0
    for seed in range(20):
        truth = (ExpertId(1, 3), ExpertId(2, 7))
        worlds = [
            replace(planted(truth, seeds=30, effect=3.0, seed=n), size=4, resamples=50)
            for n in (seed, 1000 + seed)
        ]
        own, there = (FREQUENCY.select(world) for world in worlds)
        sets = [tuple(r.expert for r in s.ranked[:4]) for s in (there, own)]
        one = replace(variant(own, sets[0]), without=sets[1])
        usual = redrawn(worlds[0], [FREQUENCY])
        (found,) = variant_changes(worlds[0].profile.sites, [one], usual)
        named += found.changes
    assert named <= 4, "binomial(20, 0.05) exceeds 4 once in 400"


def test_without_redraws_nothing_is_said():
    world, _ = one_world()
    own = CONTRAST.select(world)
    first = tuple(r.expert for r in own.ranked[:2])
    assert variant_changes(world.profile.sites, [variant(own, first)], {}) == ()


def bilingual(world):
    """Every seed has its prompts twice, in one language and then in another."""
    rows = np.repeat(np.arange(len(world.seeds)), 2)
    return rows_of(world, rows), np.tile(["en", "ja"], len(world.seeds))


def test_seeds_that_span_the_parts_are_told_apart_within():
    world, values = one_world()
    both, language = bilingual(world)
    values = {"category": np.full(len(language), "x"), "language": language}
    (same,) = part_changes(both, values, [CONTRAST])
    assert (same.dimension, same.changes) == ("language", False)
    counts = {w: c.copy() for w, c in both.profile.counts.items()}
    for array in counts.values():  # Japanese goes to other experts
        array[1::2] = np.roll(array[1::2], 5, axis=2)
    other = replace(both, profile=replace(both.profile, counts=counts))
    (found,) = part_changes(other, values, [CONTRAST])
    assert found.changes and found.phi < 0.2


def test_no_selector_stumbles_over_an_empty_part():
    """As dealt, a part may have no prompt of what a selector needs."""
    world, _ = one_world()
    both, language = bilingual(world)
    values = {"category": language, "language": language}
    selectors = [catalog.load("selector", name) for name in ("attribution", "ses-frequency")]
    assert {c.selector for c in part_changes(both, values, selectors)} <= {s.id for s in selectors}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 11), st.lists(st.permutations(range(12)), min_size=2, max_size=6))
def test_of_choices_it_is_nogueiras(size, orders):
    sites = (MoeSite(layer=0, path="x", experts=12, top_k=1, shared=0),)
    chosen = np.zeros((len(orders), 12))
    for row, order in zip(chosen, orders, strict=True):
        row[order[:size]] = 1
    sets = [tuple(ExpertId(0, expert) for expert in order[:size]) for order in orders]
    assert alike(chosen, 12) == pytest.approx(some(phi_of(sites, sets)).value)


def test_where_it_is_not_defined():
    assert alike(np.ones((3, 4)), 4) is None
    assert alike(np.zeros((3, 4)), 4) is None
    assert alike(np.full((1, 4), 0.5), 4) is None


def test_as_low_as_chance_is_no_change():
    found = Change(
        dimension="category", value="", selector="x", phi=0.5, low=0.5, usual=0.8, draws=19
    )
    assert not found.changes
    assert replace(found, phi=0.49).changes
