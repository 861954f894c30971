from __future__ import annotations

import math
import time

import pytest

from gatekeeper.analysis import intervals, paired
from gatekeeper.records.finding import Interval
from tools.validate import coverage_sim, selection_sim
from tools.validate.coverage import HIGH, LOW, Coverage
from tools.validate.coverage_clustered import clustered_difference, clustered_share
from tools.validate.coverage_excess import World, excess
from tools.validate.coverage_independent import independent_share
from tools.validate.coverage_phi import stability
from tools.validate.planted_world import world
from tools.validate.table import Table, markdown


@pytest.fixture(scope="module")
def coverage_tables():
    start = time.process_time()
    tables = coverage_sim.run(quick=True)
    return tables, time.process_time() - start


@pytest.fixture(scope="module")
def selection_tables():
    start = time.process_time()
    tables = selection_sim.run(quick=True)
    return tables, time.process_time() - start


def wald(hits, n):
    p = hits / n
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    return Interval(low=p - half, high=p + half, confidence=0.95, method="Wald")


def wilson_of_n(hits, seeds, confidence):
    """Wrong for clustered prompts: every prompt counted as independent."""
    n = len(hits)
    found = intervals.wilson(float(hits.sum()), n, confidence)
    return paired.Estimate(value=float(hits.mean()), interval=found, n=n, clusters=len(set(seeds)))


def test_table_as_markdown():
    table = Table(title="T", note="Why.", header=("a", "b"), rows=(("1", "x|y"),))
    assert markdown(table) == "### T\n\nWhy.\n\n| a | b |\n| --- | --- |\n| 1 | x\\|y |\n"


def test_quick_coverage_gives_every_table(coverage_tables):
    tables, seconds = coverage_tables
    titles = " ".join(table.title for table in tables)
    for word in ("Wilson", "Tango", "averaged", "share seeds", "differences", "MOVER", "Nogueira"):
        assert word in titles
    for table in tables:
        assert table.rows
        assert all(len(row) == len(table.header) for row in table.rows)
    assert seconds < 60


def test_quick_selection_gives_every_world_selector_and_effect(selection_tables):
    tables, seconds = selection_tables
    assert len(tables) == len(selection_sim.ROUTING)
    for table in tables:
        seen = {(row[0], row[3]) for row in table.rows}
        assert seen == {(s, e) for s in selection_sim.SELECTORS for e in selection_sim.EFFECTS}
        assert all(len(row) == len(table.header) for row in table.rows)
    assert seconds < 60


@pytest.mark.parametrize("selector", ["ses-contrast", "attribution"])
def test_false_selections_of_the_null_cell_keep_to_the_bound(selector):
    """Where the premises hold. Nothing is true, so every stable expert is false."""
    cell = selection_sim.simulate("exchangeable", "none", 40, 64, 60)[selector]
    assert cell.null
    bound = cell.outcomes[0].bound
    assert bound is not None
    assert cell.within(bound) == "holds"
    assert all(outcome.right == 0 for outcome in cell.outcomes)


def test_large_effects_are_found():
    found = selection_sim.simulate("exchangeable", "large", 40, 64, 20)
    for name in ("ses-contrast", "attribution"):
        assert sum(o.right for o in found[name].outcomes) >= 0.95 * 8 * 20


def test_a_broken_bound_is_called_broken():
    one = selection_sim.Outcome(false=3, right=0, committee=0, top=0, bound=1.0, unimodal=None)
    cell = selection_sim.Cell(outcomes=(one,) * 20, null=True)
    assert cell.within(1.0) == "BROKEN"
    assert cell.within(5.0) == "holds"
    assert cell.within(None) == "no bound"


def test_nothing_seen_is_not_nothing():
    none = selection_sim.Outcome(false=0, right=0, committee=0, top=0, bound=0.01, unimodal=None)
    cell = selection_sim.Cell(outcomes=(none,) * 20, null=True)
    assert cell.false[2] == pytest.approx(0.184, abs=0.001)
    assert cell.within(0.01) == "unclear"


def test_the_same_seeds_give_the_same_figures(coverage_tables):
    rates = World(sizes=(1,) * 30, agreement=0.5, selected=0.2, control=0.05)
    assert excess(rates, 20) == excess(rates, 20)
    assert independent_share(20, 0.1, 500) == independent_share(20, 0.1, 500)
    assert clustered_share((4,) * 20, 0.3, 0.1, 50) == clustered_share((4,) * 20, 0.3, 0.1, 50)
    assert clustered_difference((4,) * 20, 0.3, 0.1, 0.02, 50) == clustered_difference(
        (4,) * 20, 0.3, 0.1, 0.02, 50
    )
    phis = [stability("graded effects", 50, pairs=True, runs=20, truth=2000) for _ in range(2)]
    assert phis[0] == phis[1]
    args = (selection_sim.ROUTING["drift"], selection_sim.EFFECTS["small"])
    first, second = (world(*args, seeds=12, experts=64, seed=3) for _ in range(2))
    assert first.truth == second.truth
    assert (first.given.profile.counts["prompt"] == second.given.profile.counts["prompt"]).all()


def test_a_walds_interval_is_flagged():
    assert independent_share(20, 0.02, 4000, wald).flag == "LOW"


def test_ignoring_that_prompts_share_seeds_is_flagged():
    found = clustered_share((4,) * 20, 1.0, 0.3, 2000, wilson_of_n)
    assert found.flag == "LOW"
    assert clustered_share((4,) * 20, 1.0, 0.3, 2000).share >= LOW


def test_an_interval_that_holds_everything_is_flagged():
    wide = independent_share(50, 0.3, 1000, lambda hits, n: Interval(
        low=0.0, high=1.0, confidence=0.95, method="all"))  # fmt: skip
    assert wide.flag == "high"
    assert wide.cells()[:2] == ("100.0", "99.6–100.0")


def test_flags_say_when_repetitions_are_too_few():
    def of(held, runs):
        return Coverage(held=held, beyond=0, runs=runs, width=0.1).flag

    assert (LOW, HIGH) == (0.93, 0.97)
    assert [of(*x) for x in ((95, 100), (92, 100), (98, 100))] == ["", "LOW?", "high?"]
    assert [of(*x) for x in ((9000, 10_000), (9900, 10_000))] == ["LOW", "high"]
