"""The largest drop over many masks, held against looking at every one of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.analysis.every_mask import Run
from gatekeeper.analysis.paired import Estimate, difference
from gatekeeper.analysis.power import Design, tail_p
from gatekeeper.analysis.worst import Worst, worst
from gatekeeper.records.sequential_run import SequentialRun
from tests.typed import only


def run(lost, won, size=1, kind="whole", stop=None):
    """A mask on prompts of seeds of one size; `lost` and `won` per prompt, 0 or 1."""
    groups = zip(*(np.reshape(x, (-1, size)).sum(axis=1).tolist() for x in (lost, won)),
                 strict=True)  # fmt: skip
    often = Counter((size, *group) for group in groups)
    return Run(
        label="x",
        prompts=tuple(map(str, range(len(lost)))),
        lost=int(sum(lost)),
        won=int(sum(won)),
        pattern=tuple(sorted((*kind_, count) for kind_, count in often.items())),
        stop=stop,
        kind=kind,
    )


def simple(n, lost, won=0, **more):
    gone = [1] * lost + [0] * (n - lost)
    return run(gone, [0] * (n - won) + [1] * won, **more)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1, 1, 3]),
    masks=st.integers(1, 12),
    rates=st.tuples(st.floats(0, 0.5), st.floats(0, 0.3)),
)
def test_ends_are_those_of_looking_at_every_mask(seed, size, masks, rates):
    draw = np.random.default_rng(seed).random((masks, 60))
    lost, won = (draw < rates[0]).astype(int), (draw > 1 - rates[1]).astype(int)
    runs = [run(a, b, size) for a, b in zip(lost, won, strict=True)]
    seeds = np.repeat([str(i) for i in range(60 // size)], size)
    plain, strict = ([only(Estimate, difference(a.astype(float), b.astype(float), seeds, level))
                      for a, b in zip(lost, won, strict=True)]
                     for level in (0.9, 1 - 0.1 / masks))  # fmt: skip
    found = only(Worst, worst(runs, 0.9))
    assert found.value == pytest.approx(max(one.value for one in plain))
    assert found.interval.high == pytest.approx(max(one.interval.high for one in plain), abs=1e-9)
    # Never above Tango's: the exact tail only takes away, and nothing from what is not above 0.
    low = max(one.interval.low for one in strict)
    assert found.interval.low <= low + 1e-9
    assert found.interval.low == pytest.approx(low, abs=1e-9) or low > 0


@pytest.mark.parametrize(("n", "lost", "masks"), [(60, 20, 300), (168, 33, 400), (420, 84, 400)])
def test_the_exact_tail_at_the_lower_end_is_within_the_error_rate(n, lost, masks):
    runs = [simple(n, lost), *(simple(n, 1) for _ in range(masks - 1))]
    low = only(Worst, worst(runs, 0.95)).interval.low
    alpha = 0.05 / masks
    design = Design(n=n, won=0.0, limit=low)
    assert tail_p(design, lost / n, alpha / 10) <= alpha * 1.001
    assert low > 0.02


def test_far_out_the_score_test_alone_would_claim_too_much():
    runs = [simple(168, 42), *(simple(168, 1) for _ in range(399))]
    lost, seeds = np.array([1.0] * 42 + [0.0] * 126), np.array([str(i) for i in range(168)])
    score = only(Estimate, difference(lost, np.zeros(168), seeds, 1 - 0.05 / 400))
    assert only(Worst, worst(runs, 0.95)).interval.low < score.interval.low - 0.004


def test_a_run_that_stopped_early_has_the_interval_of_betting():
    stop = SequentialRun(selector="a", k=1, set="regular", prompts=40, of=120, largest=1, looks=3,
                confidence=0.95)  # fmt: skip
    early = only(Worst, worst([simple(40, 0, stop=stop)], 0.95))
    assert "betting" in early.interval.method
    assert early.interval.high > only(Worst, worst([simple(40, 0)], 0.95)).interval.high


def test_what_has_too_few_prompts_is_told_or_left_out():
    few = simple(4, 4, kind="part")
    assert worst([few], 0.95) == "no mask was run on the whole set"
    assert only(Worst, worst([simple(60, 0), few], 0.95)).value == 0
    assert "too few" in only(str, worst([simple(60, 0), simple(4, 0)], 0.95))
    assert worst([], 0.95) == "no mask was run on the whole set"


@pytest.mark.parametrize("lost", range(0, 31, 3))
def test_a_part_counts_where_it_is_shown_to_lose_more(lost):
    full = [simple(168, 5), simple(168, 2)]
    part = simple(30, lost, kind="part")
    alone, found = only(Worst, worst(full, 0.95)), only(Worst, worst([*full, part], 0.95))
    own = only(Worst, worst([simple(30, lost)], 0.95))
    if own.interval.low > alone.interval.high:
        assert (found.value, found.run.kind) == (lost / 30, "part")
        assert found.interval.high == own.interval.high
    elif lost / 30 <= alone.value:
        assert found.interval.high == alone.interval.high
    assert found.interval.low <= found.value <= found.interval.high
