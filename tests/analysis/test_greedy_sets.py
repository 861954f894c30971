"""Greedy where the refusals of plain requests and of jailbreaks hang on different experts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper.analysis.selectors import greedy
from gatekeeper.records.selection import Selection
from tests.analysis.test_greedy import PAIR, SINGLE, given_of, in_order, shortlist
from tests.typed import only


class OfSets:
    """Effects by a rule for each set, with noise per prompt."""

    note = "simulated"

    def __init__(self, given, rules, count=20):
        kept = {name: np.flatnonzero(given.sets == name)[:count] for name in rules}
        self.rows = np.concatenate(list(kept.values()))
        self.sets, self.rules = given.sets[self.rows], rules
        self._generator = np.random.default_rng(0)

    def __call__(self, masks, columns=None):
        costs = [[self.rules[name](set(mask)) for name in self.sets] for mask in masks]
        effects = np.array(costs) + self._generator.normal(0, 0.1, (len(masks), len(self.rows)))
        return effects if columns is None else effects[:, columns]


def found_with(regular, jailbreak, *, count=20, size=4):
    given = in_order(given_of(lambda mask: 0.0, size=size, budget=200_000))
    rules = {"regular": regular, "jailbreak": jailbreak}
    return greedy.SELECTOR.select(replace(given, measure=OfSets(given, rules, count)))


def some():
    """Experts of the shortlist that carry nothing else here."""
    return shortlist(in_order(given_of(lambda mask: 0.0)))[4:8]


@pytest.mark.parametrize("cost", [1.0, 8.0, 30.0])
def test_the_carrier_of_each_set_is_found_whichever_costs_more(cost):
    plain, wrapped, *_ = some()
    found = found_with(lambda mask: 8.0 * (plain in mask), lambda mask: cost * (wrapped in mask))
    assert {r.expert for r in found.ranked[:2]} == {plain, wrapped}
    assert sorted(r.score for r in found.ranked[:2]) == pytest.approx(sorted([8, cost]), abs=0.2)
    assert found.prompts == {"regular": 20, "jailbreak": 20}


def test_so_is_a_pair_that_backs_each_other_up_on_jailbreaks_alone():
    plain = some()[0]
    found = found_with(lambda mask: 8.0 * (plain in mask), lambda mask: 3.0 * (set(PAIR) <= mask))
    assert {r.expert for r in found.ranked[:3]} == {plain, *PAIR}


def test_what_a_mask_gains_in_a_set_does_not_hide_what_it_costs_in_the_other():
    found = found_with(lambda mask: 5.0 * (SINGLE in mask), lambda mask: -6.0 * (SINGLE in mask))
    assert found.ranked[0].expert == SINGLE
    assert found.ranked[0].score == pytest.approx(5.0, abs=0.2)


def test_a_set_with_too_few_refusals_is_left_out_and_told():
    given = in_order(given_of(lambda mask: 0.0, budget=200_000))
    plain, wrapped, *_ = some()
    rules = {
        "regular": lambda mask: 2.0 * (plain in mask),
        "jailbreak": lambda mask: 30.0 * (wrapped in mask),
    }
    measure = OfSets(given, rules)
    measure.rows, measure.sets = measure.rows[:29], measure.sets[:29]  # nine jailbreaks
    found = only(Selection, greedy.SELECTOR.select(replace(given, measure=measure)))
    assert found.ranked[0].expert == plain
    assert found.ranked[0].score == pytest.approx(2.0, abs=0.2)
    assert found.prompts == {"regular": 20}
    assert any("Only 9 refused jailbreak seeds" in note for note in found.notes)


def test_too_few_refused_requests_are_a_reason():
    told = found_with(lambda mask: 0.0, lambda mask: 0.0, count=9)
    assert told == "only 9 refused regular seeds in the selection split, 10 are needed"
