"""Simulated searches and tables of power, in little."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from gatekeeper.analysis.enough import Plan, fail_chance, pass_chance
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.model import ExpertId
from tools.validate import power_sim, search_sim
from tools.validate.power_draws import drawn
from tools.validate.search_audit import Search, audited
from tools.validate.search_sim import SEARCHES, policies, simulate
from tools.validate.search_world import (
    SEEDS,
    WORLDS,
    breaking,
    faint,
    jailbreaks,
    many,
    one_category,
    one_category_beside_steady,
    redundant,
    sound,
)

TODAY = date(2026, 1, 1)
WANTED = "as the policy wants"
LARGER = "`--size 16`"


def test_what_masks_cost_is_as_the_worlds_say() -> None:
    four = redundant(0)
    assert not faint(0).lost(sorted(faint(0).carriers)[1:]).any()
    carriers = sorted(four.carriers)
    assert len(carriers) == 4
    assert not four.lost(carriers[:3]).any()
    assert four.lost([*carriers, ExpertId(0, 0)]).all()
    eight = many(0)
    lost = [eight.lost(sorted(eight.carriers)[:k]).mean() for k in (0, 1, 4, 8)]
    assert lost == pytest.approx([0, 0.04, 0.16, 0.32], abs=1.01 / SEEDS)
    assert not sound(0).lost([ExpertId(0, i) for i in range(16)]).any()


def test_four_that_back_each_other_up_are_found_and_missed_by_a_blind_search() -> None:
    found = simulate("four redundant of 64", SEARCHES[WANTED], 3)
    assert found.ignored == found.needed == {"fail": 3}
    blind = simulate("four redundant of 64", SEARCHES["`--size 4`"], 3)
    assert blind.ignored == {"pass": 3}
    assert blind.needed == {"inconclusive": 3}


@pytest.mark.parametrize("search", [WANTED, LARGER])
def test_they_are_found_where_large_masks_break_the_model(search: str) -> None:
    world = breaking(0)
    others = [ExpertId(i // 16, i % 16) for i in range(64)]
    others = [expert for expert in others if expert not in world.carriers]
    assert world.lost(others[:21]).all() and not world.lost(others[:20]).any()
    found = simulate("four redundant, breaks above 20", SEARCHES[search], 3)
    assert found.needed == {"fail": 3}


def test_an_expert_that_carries_jailbreaks_alone_is_found() -> None:
    world = jailbreaks(0)
    assert world.lost(sorted(world.carriers)).all()
    assert simulate("one of 512, jailbreaks only", SEARCHES[WANTED], 2).needed == {"fail": 2}


def test_an_expert_that_carries_one_category_is_found() -> None:
    world = one_category(0)
    assert world.lost(sorted(world.carriers)).mean() == pytest.approx(1 / 6)
    assert simulate("one of 512, one category", SEARCHES[WANTED], 4).needed == {"fail": 4}


def test_so_it_is_beside_experts_that_carry_a_little_of_everything() -> None:
    evidence = audited(one_category_beside_steady(0), SEARCHES[WANTED], (1, 2, 4, 8), 0)
    assert evaluate(evidence, policies(512)[1], TODAY).result == "fail"


def test_few_selecting_seeds_miss_eight_of_512() -> None:
    assert simulate("eight of 512, 32 points", SEARCHES[WANTED], 2).needed == {"fail": 2}
    blind = simulate("eight of 512, 32 points", SEARCHES["`--selection-share 0.05`"], 3)
    assert blind.ignored["fail"] < 3
    assert blind.needed["pass"] == 0


def test_a_sound_model_passes_only_where_the_search_was_as_wanted() -> None:
    assert simulate("nothing to find, 64", SEARCHES[WANTED], 2).needed == {"pass": 2}
    for name in SEARCHES:
        if name != WANTED:
            one = simulate("nothing to find, 64", SEARCHES[name], 1)
            assert one.needed == {"inconclusive": 1}, name


def test_a_simulated_audit_is_like_an_audit() -> None:
    """Cross-fitted, each prompt is measured under the masks that the other half selected."""
    evidence = audited(redundant(1), Search(), (1, 4), 1)
    assert {p.split for p in evidence.suite.prompts} == {"fold-1", "fold-2"}
    assert {m.fold for m in evidence.masks} == {0, 1, 2}
    fold = {m.name: m.fold for m in evidence.masks}
    side = {p.id: p.split for p in evidence.suite.prompts}
    # A prompt of fold 1 selects there: it is measured in the other.
    assert all(side[t.prompt_id] != f"fold-{fold[t.mask]}" for t in evidence.trials)
    cut = audited(redundant(1), Search(budget=2400), (1, 4), 1)
    assert [s.cut for s in cut.selections if s.selector == "greedy"] == [True, True]


def test_chances_are_those_of_draws() -> None:
    plan = Plan(limit=0.1, paired=True, family=23)
    passed, failed = drawn(plan, 150, 1000)
    assert pass_chance(plan, 150) == pytest.approx(passed, abs=0.06)
    assert fail_chance(plan, 150) == pytest.approx(failed, abs=0.06)


def test_power_tables_name_every_planned_rule() -> None:
    *policies, held = power_sim.run(quick=True)
    assert [table.title.split("/")[1].split()[0] for table in policies] == [
        "release.yaml",
        "strict.yaml",
    ]
    for table in (*policies, held):
        assert table.rows
        assert all(len(row) == len(table.header) for row in table.rows)
    assert {row[0].split(" ")[0] for row in policies[0].rows} >= {"few-experts", "answers-benign"}


def test_goals_are_missed_where_a_blind_search_passes() -> None:
    results = search_sim.Results
    one = Counter
    found = {
        (world, name): results(ignored=one({"pass": 2}), needed=one({"inconclusive": 2}))
        for world in WORLDS
        for name in SEARCHES
    }
    for world in WORLDS:
        result = "pass" if world.startswith("nothing") else "fail"
        found[world, WANTED] = results(ignored=one({result: 2}), needed=one({result: 2}))
    assert all(held for _, held in search_sim.goals(found))
    found["four redundant of 64", "`--size 4`"] = results(
        ignored=one({"pass": 2}), needed=one({"pass": 1, "inconclusive": 1})
    )
    assert [held for _, held in search_sim.goals(found)] == [False, False, True]
