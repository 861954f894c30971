from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper import catalog
from gatekeeper.analysis.environments import environment_masks, environments, parts
from gatekeeper.records.model import ExpertId
from tests.analysis.planted import planted

FIRST = (ExpertId(1, 3), ExpertId(2, 7))
SECOND = (ExpertId(3, 1), ExpertId(4, 15))


def grouped(counts):
    """Parts of regular prompts with so many seeds of each value."""
    values = np.array([v for v, n in counts.items() for _ in range(n)])
    seeds = np.array([f"s{i}" for i in range(len(values))])
    return parts(values, np.full(len(values), "regular"), seeds)


def test_rare_values_are_put_together():
    assert grouped({"a": 30, "b": 4, "c": 7, "d": 12}) == (("b", "c"), ("d",), ("a",))


def test_what_is_left_joins_the_last_group():
    assert grouped({"a": 11, "b": 11, "c": 3}) == (("a", "c"), ("b",))


def test_there_are_few_parts_of_many_values():
    found = grouped({f"v{i:02d}": 12 for i in range(20)})
    assert 1 < len(found) <= 6
    assert sorted(v for group in found for v in group) == [f"v{i:02d}" for i in range(20)]


@pytest.mark.parametrize("counts", [{"a": 40}, {"a": 9, "b": 9}, {"a": 30, "b": 0}])
def test_one_part_is_none(counts):
    assert grouped(counts) == ()


def test_rewrites_of_one_seed_are_not_enough():
    values = np.array(["a"] * 30 + ["b"] * 30)
    seeds = np.array(["one"] * 30 + [f"s{i}" for i in range(30)])
    assert parts(values, np.full(60, "regular"), seeds) == ()


def two_worlds():
    """The first half of the seeds uses other experts than the second."""
    a, b = planted(FIRST, seeds=40, effect=8.0), planted(SECOND, seeds=40, effect=8.0)
    half = np.array([int(s[1:]) < 20 for s in a.seeds])
    counts = {
        w: np.where(half[:, None, None], a.profile.counts[w], b.profile.counts[w])
        for w in a.profile.counts
    }
    given = replace(a, profile=replace(a.profile, counts=counts), size=2)
    category = np.where(half, "weapons", "fraud")
    return given, {"category": category, "language": np.full(len(half), "en")}


def test_each_part_finds_its_own_experts_and_not_the_others():
    given, values = two_worlds()
    found = environments(given, values, [catalog.load("selector", "ses-contrast")])
    by_name = {one.name: one for one in found}
    assert set(by_name) == {"weapons", "fraud"}
    assert set(by_name["weapons"].within) == set(by_name["fraud"].without) == set(FIRST)
    assert set(by_name["fraud"].within) == set(by_name["weapons"].without) == set(SECOND)
    assert all((one.seeds, one.others) == (20, 20) for one in found)
    assert all(one.dimension == "category" for one in found)  # one language is nothing to part


def test_masks_are_named_once_and_hold_what_was_selected():
    given, values = two_worlds()
    selectors = [catalog.load("selector", n) for n in ("ses-contrast", "ses-frequency")]
    made = environment_masks(environments(given, values, selectors), mode="reroute", phase="both")
    names = [mask.name for _, *pair in made for mask in pair]
    assert len(set(names)) == len(names) == 8
    # Parts go by their number, since their names may be anything.
    assert {name.removesuffix("-within").removesuffix("-without") for name in names} == {
        f"{selector}-category-{number}"
        for selector in ("ses-contrast", "ses-frequency")
        for number in (1, 2)
    }
    for environment, within, without in made:
        assert within.experts == environment.within
        assert without.experts == environment.without
        assert {within.arm, without.arm} == {"environment"}


def test_selectors_are_given_what_is_recorded():
    given = planted(FIRST, seeds=60, effect=8.0)
    small = np.array([int(s[1:]) < 15 for s in given.seeds])
    values = {
        "category": np.where(small, "weapons", "fraud"),
        "language": np.full(len(small), "en"),
    }
    real = catalog.load("selector", "ses-contrast")
    seen = []

    def watch(part):
        seen.append(set(part.seeds[part.sets == "regular"].tolist()))
        return real.select(part)

    found = environments(given, values, [replace(real, select=watch)])
    told = [n for one in found for n in (one.seeds, one.others)]
    assert [len(seeds) for seeds in seen] == told
    for within, without in zip(seen[::2], seen[1::2], strict=True):
        assert not within & without


def test_both_sides_are_selected_from_equally_many_seeds():
    """Otherwise the larger side selects better, which would hide what does not transfer."""
    given = planted(FIRST, seeds=60, effect=8.0)
    small = np.array([int(s[1:]) < 15 for s in given.seeds])
    values = {
        "category": np.where(small, "weapons", "fraud"),
        "language": np.full(len(small), "en"),
    }
    found = environments(given, values, [catalog.load("selector", "ses-contrast")])
    by_name = {one.name: one for one in found}
    assert (by_name["weapons"].seeds, by_name["weapons"].others) == (15, 15)
    assert (by_name["fraud"].seeds, by_name["fraud"].others) == (45, 15)


def test_a_seed_in_two_languages_counts_once():
    values = np.array(["en", "de"] * 8)
    seeds = np.array([f"s{i // 2}" for i in range(16)])
    assert parts(values, np.full(16, "regular"), seeds) == ()
