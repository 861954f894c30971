"""Nogueira's interval of Φ: does it hold the Φ of very many resamples of the same prompts?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.resampling import Resampled, bootstrap, half_samples, resample
from gatekeeper.analysis.stability import METHOD_ALIKE, phi
from tools.validate.coverage import RESULTS, SEED, Coverage, FloatArray, ends, tally
from tools.validate.table import Table

_PROMPTS, _EXPERTS, _TAKEN = 40, 64, 8
_RUNS = 600
#: Resamples that stand for infinitely many.
_TRUTH = 200_000
#: Resamples drawn at a time.
_AT_ONCE = 40_000
_RESAMPLES = (50, 200, 1000)

#: Mean scores of the best experts, in standard deviations of one prompt.
_WORLDS = {
    "nothing stands out": np.zeros(_TAKEN),
    "graded effects": np.linspace(1.2, 0.15, _TAKEN),
    "one place in doubt": np.array([2.0] * (_TAKEN - 1) + [0.6]),
    "a few differ": np.array([2.0] * (_TAKEN - 1) + [0.7]),
    "nearly all alike": np.array([2.0] * (_TAKEN - 1) + [0.8]),
}


def _scores(world: str) -> FloatArray:
    """One set of prompts [prompts, experts]."""
    generator = np.random.default_rng([SEED, _TAKEN])
    scores = generator.normal(size=(_PROMPTS, _EXPERTS))
    scores[:, :_TAKEN] += _WORLDS[world]
    return scores


def _chosen(scores: FloatArray, resamples: int, pairs: bool, key: int) -> npt.NDArray[np.int32]:
    """Experts chosen in each of so many resamples, drawn in lots."""
    found = []
    for start in range(0, resamples, _AT_ONCE):
        draws = min(_AT_ONCE, resamples - start)
        # Lots of unlike seeds, as audits with unlike seeds would draw them.
        seed = int(np.random.SeedSequence([SEED, key, start]).generate_state(1)[0])
        term = half_samples(scores, draws, seed) if pairs else bootstrap(scores, draws, seed)
        everyone = np.ones(scores.shape[1], dtype=np.bool_)
        lot = resample([term], draws, everyone, _TAKEN, block=2 if pairs else 1)
        found.append(lot.chosen)
    return np.concatenate(found)


def _given(chosen: npt.NDArray[np.int32], pairs: bool) -> Resampled:
    return Resampled(chosen=chosen, experts=_EXPERTS, candidates=_EXPERTS, block=2 if pairs else 1)


def stability(
    world: str, resamples: int, *, pairs: bool, runs: int, truth: int = _TRUTH
) -> tuple[float, float, Coverage]:
    """Φ of very many resamples, share of runs in which all were alike, and coverage."""
    scores = _scores(world)
    many = phi(_given(_chosen(scores, truth, pairs, 1), pairs))
    chosen = _chosen(scores, runs * resamples, pairs, 2 + resamples)
    found = []
    alike = 0
    for part in chosen.reshape(runs, resamples, _TAKEN):
        one = phi(_given(part, pairs))
        if one is None or many is None:
            raise ValueError("Φ is not defined")
        found.append(ends(one.interval))
        alike += one.interval.method == METHOD_ALIKE
    assert many is not None
    return many.value, alike / runs, tally(np.array(found), many.value)


def tables(*, quick: bool = False) -> Iterator[Table]:
    """One table over worlds, ways of resampling and numbers of resamples."""
    runs, truth = (200, 20_000) if quick else (_RUNS, _TRUTH)
    rows = []
    for world in _WORLDS:
        for pairs in (False, True):
            for resamples in _RESAMPLES[: 1 if quick else 3]:
                value, alike, found = stability(
                    world, resamples, pairs=pairs, runs=runs, truth=truth
                )
                how = "complementary pairs" if pairs else "bootstrap"
                labels = (world, how, str(resamples), f"{value:.3f}", f"{100 * alike:.0f} %")
                rows.append((*labels, *found.cells()))
    yield Table(
        title="Φ of the selection (Nogueira)",
        note=f"{runs} repetitions a cell; nominal 95 %. The truth is Φ of {truth} resamples of the "
        "same prompts: the interval is about more resamples, not about other prompts. Widths are "
        "in hundredths of Φ. *Alike*: runs in which all resamples agreed.",
        header=("scores", "resampling", "resamples", "Φ", "alike", *RESULTS),
        rows=tuple(rows),
    )
