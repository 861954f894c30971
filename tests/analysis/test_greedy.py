from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.analysis.ranking import in_turn
from gatekeeper.analysis.selectors import greedy
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.selection import Selection
from tests.analysis.planted import planted
from tests.typed import only, some

PAIR = (ExpertId(2, 7), ExpertId(4, 0))
SINGLE = ExpertId(1, 3)
EIGHT, FOUR = "shrunk from 8 experts", "shrunk from 4 experts"
PAIRED = "grown from the pair that costs most"


class Simulated:
    """Effects by a rule, with noise per prompt; counts what it was asked."""

    note = "simulated"

    def __init__(self, given: SelectionInput, rule, noise=0.1):
        regular = np.flatnonzero(given.sets == "regular")
        self.rows = regular[:20]
        self.rule, self.asked, self.rows_asked = rule, 0, 0
        self._noise = np.random.default_rng(0).normal(0, noise, (200_000, 20))

    def __call__(self, masks, columns=None):
        values = np.array([self.rule(set(mask)) for mask in masks])
        noise = self._noise[self.asked : self.asked + len(masks)]
        self.asked += len(masks)
        noise = noise if columns is None else noise[:, columns]
        self.rows_asked += noise.size
        return values[:, None] + noise


def given_of(rule, *, budget=50_000, truth=(*PAIR, SINGLE), size=4, **changes):
    given = planted(truth, attribution=True, seeds=40)
    others = tuple(
        catalog.load("selector", name).select(given)
        for name in ("attribution", "ses-contrast", "ses-frequency")
    )
    measure = Simulated(given, rule)
    return replace(given, others=others, measure=measure, budget=budget, size=size, **changes)


def in_order(given):
    """With one ranking for a shortlist, and so few resamples that long searches are fast."""
    return replace(given, others=given.others[:1], resamples=2)


def shortlist(given):
    return [r.expert for r in given.others[0].ranked]


def tells_what_masks_cost(found, given, size):
    """Scores add up to the cost of each mask, also where a path goes on from a smaller start."""
    experts = [r.expert for r in found.ranked[:size]]
    costs = np.cumsum([r.score for r in found.ranked[:size]])
    rule = given.measure.rule
    assert costs == pytest.approx([rule(set(experts[:k])) for k in range(1, size + 1)], abs=0.2)


def redundant(mask):
    """Either of the pair suffices for refusals; a third expert carries a little alone."""
    return 8.0 * (set(PAIR) <= mask) + 1.0 * (SINGLE in mask)


def test_two_experts_that_back_each_other_up_are_found():
    found = only(Selection, greedy.SELECTOR.select(given_of(redundant)))
    assert {r.expert for r in found.ranked[:2]} == set(PAIR)
    assert found.ranked[2].expert == SINGLE
    assert [r.probability for r in found.ranked[1:3]] == [1.0, 1.0]
    assert found.ranked[1].score == pytest.approx(8.0, abs=0.2)
    assert found.ranked[1] in found.stable
    assert any(f"taken was the one {PAIRED}." in note for note in found.notes)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_so_are_they_where_larger_masks_or_other_experts_bring_refusals_back(size):
    """A mask of many, and any with the first of the shortlist, shows nothing of the pair."""
    given = in_order(given_of(lambda mask: 0.0, size=size, budget=100_000))
    first, *rest = shortlist(given)
    pair = {rest[2], rest[5]}
    given.measure.rule = lambda mask: 8.0 * (pair <= mask and first not in mask and len(mask) < 4)
    found = only(Selection, greedy.SELECTOR.select(given))
    assert {r.expert for r in found.ranked[:2]} == pair
    tells_what_masks_cost(found, given, min(size, 3))


def test_so_are_four_of_which_any_one_suffices():
    four = {*PAIR, SINGLE, ExpertId(3, 3)}
    given = given_of(lambda mask: 8.0 * (four <= mask), truth=tuple(four))
    found = only(Selection, greedy.SELECTOR.select(given))
    assert {r.expert for r in found.ranked[:4]} == four


@pytest.mark.parametrize("size", [4, 8, 16, 24])
def test_so_are_they_where_large_masks_break_the_model(size):
    """Above 20 experts every mask costs the same: what is given back there is drawn by lot."""
    given = in_order(given_of(lambda mask: 0.0, size=size, budget=100_000))
    four = shortlist(given)[4:8]
    given.measure.rule = lambda mask: 8.0 * (set(four) <= mask or len(mask) > 20)
    found = only(Selection, greedy.SELECTOR.select(given))
    assert not found.cut
    assert {r.expert for r in found.ranked[:4]} == set(four)
    tells_what_masks_cost(found, given, size)


def test_few_experts_that_cost_much_go_before_many_that_cost_more():
    """Ten cost more than four, and over all sizes up to 16 too; but a mask of 8 has no ten."""
    given = in_order(given_of(lambda mask: 0.0, size=16, budget=100_000))
    given = replace(given, resamples=40)
    experts = shortlist(given)
    four, ten = set(experts[4:8]), {*experts[:2], *experts[8:16]}
    given.measure.rule = lambda mask: 8.0 * (four <= mask) + 12.0 * (ten <= mask)
    found = only(Selection, greedy.SELECTOR.select(given))
    assert {r.expert for r in found.ranked[:4]} == four
    assert any("taken was the one shrunk from 8 experts." in note for note in found.notes)
    # The eighth completes that start, and what follows is that which was grown: no choice.
    chances = [r.probability for r in found.ranked]
    assert min(chances[:7]) > 0 == max(chances[7:])


@pytest.mark.parametrize("size", [63, 64, 65])
def test_all_experts_can_be_wanted(size):
    given = in_order(given_of(redundant, size=size, budget=10_000_000))
    found = only(Selection, greedy.SELECTOR.select(given))
    assert not found.cut
    assert len({r.expert for r in found.ranked}) == 64
    assert {r.expert for r in found.ranked[:2]} == set(PAIR)
    tells_what_masks_cost(found, given, min(size, 64))


def test_a_strong_expert_is_found_beside_such_a_pair():
    found = only(
        Selection,
        greedy.SELECTOR.select(given_of(lambda mask: 20.0 * (SINGLE in mask) + redundant(mask))),
    )
    assert found.ranked[0].expert == SINGLE
    assert {r.expert for r in found.ranked[1:3]} == set(PAIR)


def test_experts_that_carry_a_share_each_are_grown_in_order():
    share = {SINGLE: 3.0, PAIR[0]: 2.0, PAIR[1]: 1.0}
    found = only(
        Selection, greedy.SELECTOR.select(given_of(lambda mask: sum(share.get(e, 0) for e in mask)))
    )
    assert [r.expert for r in found.ranked[:3]] == list(share)
    assert [r.probability for r in found.ranked[:3]] == [1.0, 1.0, 1.0]


def test_noise_alone_is_not_stable():
    given = given_of(lambda _mask: 0.0)
    found = only(Selection, greedy.SELECTOR.select(given))
    assert not found.stable
    assert len({r.expert for r in found.ranked}) == len(found.ranked) == 64


def test_the_budget_is_kept_and_told():
    given = given_of(redundant, budget=30_000)
    found = only(Selection, greedy.SELECTOR.select(given))
    assert found.forwards == given.measure.rows_asked <= 30_000
    assert any(f"{found.forwards} rows measured of a budget of 30000" in n for n in found.notes)


def test_a_budget_that_runs_out_leaves_the_order_of_the_shortlist():
    given = given_of(redundant, budget=20 * (32 + 31) + 100)
    found = only(Selection, greedy.SELECTOR.select(given))
    assert found.ranked[0].expert == SINGLE
    assert any("The budget ran out after 2 experts" in note for note in found.notes)
    assert any("groups may have been passed by" in note for note in found.notes)
    taken = [r.expert for r in found.ranked[:2]]
    rest = [e for e in in_turn(given.others, 32) if e not in taken]
    assert [r.expert for r in found.ranked[2:6]] == rest[:4]


def test_too_small_a_budget_is_a_reason():
    assert "does not allow one step" in only(
        str, greedy.SELECTOR.select(given_of(redundant, budget=100))
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"measure": None}, "nothing can be measured"),
        ({"others": ()}, "no other selector"),
    ],
)
def test_what_is_missing_is_told(change, reason):
    given = replace(given_of(redundant), **change)
    assert reason in only(str, greedy.SELECTOR.select(given))


def test_no_refusals_are_told_with_the_measures_reason():
    given = given_of(redundant)
    given.measure.rows = np.array([], dtype=np.intp)
    assert greedy.SELECTOR.select(given) == "simulated"


def test_an_expert_that_carries_one_part_is_tried():
    """All rankings have it last, but in one of eight categories nothing is attributed as much."""
    given = given_of(lambda mask: 2.0 * (SINGLE in mask))
    last = tuple(
        replace(o, ranked=tuple(sorted(o.ranked, key=lambda r: r.expert == SINGLE)))
        for o in given.others
    )
    part = np.arange(len(given.sets)) % 8 == 3
    scores = some(given.profile.attribution).copy()
    scores[:, SINGLE.layer - 1, SINGLE.expert] = np.where(part, 3.0, 0.0)
    scores[given.sets != "regular"] = np.nan
    given = replace(given, others=last, profile=replace(given.profile, attribution=scores))
    found = only(Selection, greedy.SELECTOR.select(given))
    assert found.ranked[0].expert != SINGLE
    told = replace(given, parts=(np.where(part, "a", "b"),))
    found = only(Selection, greedy.SELECTOR.select(told))
    assert found.ranked[0].expert == SINGLE
    assert found.ranked[0].score == pytest.approx(2.0, abs=0.2)


def test_the_shortlist_takes_from_all_rankings_in_turn():
    given = given_of(redundant)
    firsts = {other.ranked[0].expert for other in given.others}
    assert firsts <= set(in_turn(given.others, 3 * len(firsts)))
    assert len(in_turn(given.others, 5)) == 5


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 12, 16])
def test_what_the_rule_says_it_needs_is_what_it_takes(size):
    rows = some(greedy.SELECTOR.rows_needed)(size, 20)
    enough = only(Selection, greedy.SELECTOR.select(given_of(redundant, budget=rows, size=size)))
    assert (enough.forwards, enough.cut) == (rows, False)
    assert only(
        Selection, greedy.SELECTOR.select(given_of(redundant, budget=rows - 1, size=size))
    ).cut


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        (20 * (32 + 31) + 100, "growing ends early"),
        (
            20 * (32 + 31 + 30 + 29),
            f"masks {EIGHT}, {FOUR}, {PAIRED}",
        ),
        (
            20 * (32 + 31 + 30 + 29 + 36),
            f"masks {FOUR}, {PAIRED}",
        ),
        (
            20 * (32 + 31 + 30 + 29 + 35),
            f"masks {EIGHT}, {PAIRED}",
        ),
    ],
)
def test_a_search_that_the_budget_cut_says_so(budget, why):
    """Of 36 masks that shrinking 8 takes, 10 would do for 4."""
    found = only(Selection, greedy.SELECTOR.select(given_of(redundant, budget=budget)))
    assert found.cut
    if why.startswith("masks"):
        assert f"The budget did not allow {why}: groups may" in " ".join(found.notes)


def test_a_search_of_few_candidates_is_not_cut_for_that():
    given = given_of(redundant, size=1)
    one = replace(given.others[0], ranked=given.others[0].ranked[:1])
    assert not only(Selection, greedy.SELECTOR.select(replace(given, others=(one,)))).cut
