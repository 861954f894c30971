from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.analysis.second_sample import allocate, second_rows, second_sample
from gatekeeper.records.trial import UNMASKED
from tests.policy.builders import concentrated, make_evidence
from tests.policy.twice import judged_twice

EVIDENCE = make_evidence(concentrated, ks=(1, 4), controls=3)


def with_seed(seed: int):
    return replace(EVIDENCE, settings=replace(EVIDENCE.settings, seed=seed))


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=12),
    total=st.integers(0, 300),
    data=st.data(),
)
def test_rows_are_shared_out_evenly_and_small_strata_are_whole(sizes, total, data) -> None:
    weights = [data.draw(st.sampled_from([1, 4])) for _ in sizes]
    given_out = allocate(sizes, weights, total)
    assert sum(given_out) == min(total, sum(sizes))
    assert all(0 <= n <= size for n, size in zip(given_out, sizes, strict=True))
    # Whoever has the most for its weight has at most one row more than who has the fewest.
    rest = list(zip(given_out, sizes, weights, strict=True))
    hungry = [n / w for n, size, w in rest if n < size]
    if hungry:
        assert all((n - 1) / w <= min(hungry) for n, _, w in rest if n)
    # A larger sample holds the smaller one.
    more = allocate(sizes, weights, total + 7)
    assert all(a <= b for a, b in zip(given_out, more, strict=True))


@settings(deadline=None, max_examples=25)
@given(size=st.integers(1, 3000), seed=st.integers(0, 2**53 - 2))
def test_every_row_is_in_one_stratum_and_the_sample_has_its_size(size, seed) -> None:
    sample = second_sample(with_seed(seed), size)
    there = sample.table.outcomes >= 0
    assert np.array_equal(there, sample.stratum >= 0)
    assert int(sample.taken.sum()) == min(size, int(there.sum())) == sample.drawn.sum()
    assert np.array_equal(np.bincount(sample.stratum[there]), sample.sizes)
    taken = np.bincount(sample.stratum[sample.taken], minlength=len(sample.sizes))
    assert np.array_equal(taken, sample.drawn)
    # What is small is whole: it has no fewer than any asked-about stratum that is not.
    full = sample.drawn == sample.sizes
    assert sample.sizes[~full].min(initial=10**9) >= sample.sizes[full].min(initial=0)
    # With every row comes what it is held against.
    plain = sample.table.masks[UNMASKED.name]
    assert sample.asked()[plain, sample.taken.any(axis=0)].all()


def test_the_same_evidence_gives_the_same_rows_in_whatever_order() -> None:
    one = judged_twice(EVIDENCE, sample=150)
    turned = replace(one, trials=tuple(reversed(one.trials)), masks=one.masks)
    assert second_rows(one) == second_rows(turned)
    other = replace(one, settings=replace(one.settings, seed=1))
    assert second_rows(one) != second_rows(other)
    assert second_rows(replace(one, settings=replace(one.settings, second=None))) == frozenset()


@pytest.mark.thorough
def test_every_row_of_a_stratum_is_drawn_as_often_as_any_other() -> None:
    size, seeds = 220, 600
    hits: Counter[tuple[int, int]] = Counter()
    for seed in range(seeds):
        sample = second_sample(with_seed(seed), size)
        hits.update(zip(*map(np.ndarray.tolist, np.nonzero(sample.taken)), strict=True))
    wide = [h for h in range(len(sample.sizes)) if sample.drawn[h] < sample.sizes[h]]
    assert len(wide) > 20
    for h in wide:
        share = sample.drawn[h] / sample.sizes[h]
        rows = list(zip(*map(np.ndarray.tolist, np.nonzero(sample.stratum == h)), strict=True))
        found = np.array([hits[row] / seeds for row in rows])
        assert found.mean() == pytest.approx(share)
        # 1e-6 of a normal two-sided tail, over all rows.
        assert np.abs(found - share).max() < 4.9 * np.sqrt(share * (1 - share) / seeds)


def test_all_masks_are_judged_on_the_same_prompts_as_far_as_they_can_be() -> None:
    sample = second_sample(EVIDENCE, 400)
    plain = sample.table.masks[UNMASKED.name]
    extra = sample.asked().sum() - sample.taken.sum()
    masked = sample.taken.copy()
    masked[plain] = False
    assert extra < 0.5 * masked.sum()
