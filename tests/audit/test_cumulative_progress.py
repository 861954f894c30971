"""Counters of several sweeps as one: they never go back, and say what they know."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.audit.cumulative_progress import Joined
from gatekeeper.audit.sequential import StoppingRule, run_in_order, runs_to_watch
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.row_plan import plan_rows
from gatekeeper.records.suite import Prompt
from tests.policy.builders import make_evidence


class Told:
    """What a reporter hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, int]] = []

    def __call__(self, done: int, total: int, *, found: int = 0) -> None:
        self.heard.append((done, total, found))

    def holds(self) -> None:
        """Neither goes back, no more is done than there is, and at the end that is all."""
        done, total, _ = zip(*self.heard, strict=True)
        assert list(done) == sorted(done)
        assert list(total) == sorted(total, reverse=True)
        assert all(d <= t for d, t, _ in self.heard)
        assert done[-1] == total[-1]


def test_two_sweeps_are_one_count() -> None:
    told = Told()
    joined = Joined(advance=told)
    first = joined.next(40)
    for done in (10, 60, 100):
        first(done, 100)
    second = joined.next(0)
    for done in (5, 40):
        second(done, 40)
    assert told.heard == [
        (10, 140, 10), (60, 140, 0), (100, 140, 0), (105, 140, 5), (140, 140, 0),
    ]  # fmt: skip
    told.holds()


def test_sweeps_that_do_not_come_fall_out_of_the_total() -> None:
    told = Told()
    joined = Joined(advance=told)
    joined.next(90)(30, 30)
    joined.next(10)(0, 20)
    joined.end()
    assert told.heard == [(30, 120, 30), (30, 60, 0), (50, 50, 0)]
    told.holds()


def encoded(prompt_id: str, number: int) -> Encoded:
    prompt = Prompt(
        id=prompt_id,
        seed_id=prompt_id,
        set=prompt_id.partition("-")[0],
        category="fraud",
        language="en",
        text=prompt_id,
        source="test",
    )
    return Encoded(prompt=prompt, ids=(number,), skipped=None)


def sequential(stay: int) -> tuple[Told, int]:
    """Runs of fake replies, of which `stay` go to the end; what was told, and the rows run."""
    evidence = make_evidence(counts={"regular": 60, "benign": 50}, ks=(1, 2, 4), controls=3)
    evidence = replace(evidence, trials=(), stops=())
    rows = 0

    def settle(seen):
        wanted = {stop.k for stop in seen.stops} & set((1, 2, 4)[:stay])
        return {stop for stop in seen.stops if stop.k in wanted}

    def run(work, progress):
        nonlocal rows
        planned = len(plan_rows(work, "test")[0])
        rows += planned
        for done in range(0, planned + 1, 7):
            progress(done, planned)
        progress(planned, planned)
        return []

    given = StoppingRule(settle=settle, policy="p", confidence=0.95)
    told = Told()
    stops = runs_to_watch(evidence, given)
    prompts = [encoded(p.id, i) for i, p in enumerate(evidence.suite.prompts) if p.measures]
    run_in_order(evidence, stops, prompts, given, run, told)
    return told, rows


def test_looks_never_count_back_and_end_with_what_was_run() -> None:
    for stay in (0, 1, 3):
        told, rows = sequential(stay)
        told.holds()
        assert told.heard[-1][:2] == (rows, rows)


def test_what_no_run_stops_is_told_from_the_start() -> None:
    """The first total is what it comes to when nothing is settled before the end."""
    whole, rows = sequential(3)
    early, fewer = sequential(0)
    assert fewer < rows
    assert whole.heard[0][1] == early.heard[0][1] >= rows
