"""Resamples of seeds, and which experts are selected in each: one matrix product and a top-q.

The resampled score of an expert is a weighted sum over seeds with whole-number weights. Scores are
rounded once to a fixed point (`fixed_point`), so that every sum is exact in float64: in whatever
order a BLAS adds, on whatever machine, the same experts are selected, and two experts tie if and
only if their sums are equal. Ties go to the lower index.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: rows of the resamples -> their weights [rows, S], whole numbers.
Weights = Callable[[slice], FloatArray]

#: Bytes of resampled scores handled at a time.
BYTES = 24 << 20
#: Bits that float64 holds exactly, less one for the sign of differences.
_BITS = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One weighted sum over seeds; a contrast has two, a search by two sets of prompts too.

    Attributes:
        scores: per seed [S, X].
        weights: per resample and seed, whole numbers that add up to `total` in each resample.
        sign: +1 or -1.
    """

    scores: FloatArray
    weights: Weights
    total: int
    sign: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampled:
    """Which experts were selected over R resamples.

    Attributes:
        chosen: [R, q], indices of the experts selected in each resample, ascending.
        experts: X, the length of the axis that `chosen` points into.
        candidates: experts that there are (layers may have fewer than others).
        block: resamples that depend on each other (2: complementary pairs).
    """

    chosen: npt.NDArray[np.int32]
    experts: int
    candidates: int
    block: int = 1

    @property
    def probability(self) -> FloatArray:
        """π̂ per expert [X]: share of resamples in which it is selected."""
        hits = np.bincount(self.chosen.ravel(), minlength=self.experts)
        return hits / max(len(self.chosen), 1)


def bootstrap_counts(seeds: int, resamples: int, seed: int) -> FloatArray:
    """How often each seed is drawn, [resamples, seeds]; each row adds up to `seeds`."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(seeds, size=(resamples, seeds))
    drawn += np.arange(resamples)[:, None] * seeds
    counts = np.bincount(drawn.ravel(), minlength=resamples * seeds)
    return counts.reshape(resamples, seeds).astype(np.float64)


def half_sample_counts(seeds: int, resamples: int, seed: int) -> FloatArray:
    """Complementary half-samples [resamples, seeds] of 0 and 1; rows 2i and 2i+1 share no seed.

    Each row adds up to seeds // 2. An odd number of resamples is rounded up.

    Source: Shah & Samworth (2013), JRSS B 75:55 (complementary pairs stability selection).
    """
    generator = np.random.default_rng(seed)
    half, pairs = seeds // 2, (resamples + 1) // 2
    order = generator.permuted(np.tile(np.arange(seeds), (pairs, 1)), axis=1)
    counts = np.zeros((pairs, 2, seeds))
    np.put_along_axis(counts[:, 0], order[:, :half], 1.0, axis=1)
    np.put_along_axis(counts[:, 1], order[:, half : 2 * half], 1.0, axis=1)
    return counts.reshape(2 * pairs, seeds)


def fixed_point(scores: FloatArray, total: int) -> FloatArray:
    """The scores as whole numbers, as fine as leaves every weighted sum of them exact.

    Args:
        total: what the weights of a sum add up to, times what the sum is multiplied with.
    """
    largest = float(np.abs(scores).max(initial=0.0))
    if largest == 0.0:
        return np.zeros_like(scores)
    room = _BITS - math.ceil(math.log2(total + 1)) - math.frexp(largest)[1]
    # In two steps: one power of two may be more than a float holds.
    return np.rint(np.ldexp(np.ldexp(scores, room // 2), room - room // 2))


def top(scores: FloatArray, size: int) -> npt.NDArray[np.bool_]:
    """Which of each row [R, X] are its `size` largest; ties go to the lower index."""
    count = scores.shape[1]
    if size >= count:
        return np.ones(scores.shape, dtype=np.bool_)
    last = np.partition(scores, count - size, axis=1)[:, count - size, None]
    chosen = scores >= last
    for row in np.flatnonzero(chosen.sum(axis=1) > size):
        tied = np.flatnonzero(scores[row] == last[row])
        chosen[row, tied[size - int((scores[row] > last[row]).sum()) :]] = False
    return chosen


def resample(
    terms: list[Term],
    resamples: int,
    candidates: npt.NDArray[np.bool_],
    size: int,
    block: int,
    join: np.ufunc = np.add,
) -> Resampled:
    """The `size` best experts of each resample, by the sum over terms of sign × weighted mean.

    Args:
        candidates: [X], which indices are experts.
        size: experts taken per resample (N_e, q); at most as many as there are.
        block: see `Resampled`.
        join: what is taken of the terms in place of their sum, such as `np.maximum`.
    """
    columns = np.flatnonzero(candidates)
    size = min(size, len(columns))
    others = [math.prod(t.total for t in terms[:i] + terms[i + 1 :]) for i in range(len(terms))]
    bound = sum(term.total * other for term, other in zip(terms, others, strict=True))
    # One scale for all terms, and means of unlike totals brought to a common denominator.
    scores = np.concatenate([term.scores[:, columns] for term in terms])
    whole = np.split(fixed_point(scores, bound), np.cumsum([len(t.scores) for t in terms])[:-1])
    chosen = np.empty((resamples, size), np.int32)
    chunk = max(1, BYTES // (8 * max(len(columns), 1)))
    for start in range(0, resamples, chunk):
        rows = slice(start, min(start + chunk, resamples))
        joined = join.reduce(
            [
                term.sign * other * (term.weights(rows) @ values)
                for term, other, values in zip(terms, others, whole, strict=True)
            ]
        )
        picked = np.nonzero(top(joined, size))[1]
        chosen[rows] = columns[picked].reshape(-1, size)
    return Resampled(chosen=chosen, experts=len(candidates), candidates=len(columns), block=block)


def bootstrap(scores: FloatArray, resamples: int, seed: int) -> Term:
    """A term of bootstrap means."""
    counts = bootstrap_counts(len(scores), resamples, seed)
    return Term(scores=scores, weights=lambda rows: counts[rows], total=len(scores))


def half_samples(scores: FloatArray, resamples: int, seed: int, sign: int = 1) -> Term:
    """A term of means over complementary half-samples."""
    counts = half_sample_counts(len(scores), resamples, seed)
    return Term(scores=scores, weights=lambda rows: counts[rows], total=len(scores) // 2, sign=sign)


def half_samples_of_sets(
    sets: Sequence[tuple[Sequence[str], FloatArray]], resamples: int, seed: int
) -> list[Term]:
    """Terms of complementary half-samples, one for each set of prompts.

    A seed falls into the same half in all sets that it is in, or complementary halves would not be
    independent. Halves are drawn among the seeds of the same sets, so that a set's have one size.

    Args:
        sets: of each set, its seeds and their scores [S, X].
    """
    everyone = sorted({name for names, _ in sets for name in names})
    inside = np.array([[name in names for names, _ in sets] for name in everyone])
    counts = np.zeros((resamples + resamples % 2, len(everyone)))
    for number, kind in enumerate(np.unique(inside, axis=0)[::-1]):
        alike = np.flatnonzero((inside == kind).all(axis=1))
        counts[:, alike] = half_sample_counts(len(alike), resamples, seed + number)
    place = {name: column for column, name in enumerate(everyone)}
    return [_weighted(scores, counts[:, [place[name] for name in names]]) for names, scores in sets]


def _weighted(scores: FloatArray, counts: FloatArray) -> Term:
    return Term(scores=scores, weights=lambda rows: counts[rows], total=int(counts[0].sum()))


def borderline(probability: FloatArray, threshold: float, resamples: int) -> npt.NDArray[np.bool_]:
    """Whether the noise of R resamples could move π̂ across the threshold (two standard errors)."""
    error = np.sqrt(np.maximum(probability * (1 - probability), 1 / resamples) / resamples)
    touched = (probability > 0) & (np.abs(probability - threshold) <= 2 * error)
    return np.asarray(touched & ((probability < 1) | (threshold < 1)), dtype=np.bool_)
