"""Categories drawn at random: how often intervals hold the loss of the population they are from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gatekeeper.analysis import paired
from tools.validate.coverage import NOMINAL, RESULTS, SEED, Coverage, Seeds, ends, seeds_of, tally
from tools.validate.table import Table

#: Categories, and prompts in each.
_SETS = ((10, 24), (10, 42), (20, 21))
#: True mean share lost, and its standard deviation between categories.
_WORLDS = tuple((mean, spread) for spread in (0.05, 0.1) for mean in (0.05, 0.1))
_RUNS = 400


def random_categories(
    sizes: tuple[int, int], mean: float, spread: float, runs: int
) -> dict[str, Coverage]:
    """Coverage of the population's mean share lost, by what the interval is about.

    The share lost of each category is drawn from a beta distribution of this mean and standard
    deviation; its prompts are lost independently, and none is won.

    Args:
        sizes: categories, and prompts in each.
    """
    categories, each = sizes
    generator = np.random.default_rng([SEED, *sizes, round(1e3 * mean), round(1e3 * spread)])
    shares = np.full((runs, categories), mean)
    if spread:
        weight = mean * (1 - mean) / spread**2 - 1
        shares = generator.beta(mean * weight, (1 - mean) * weight, (runs, categories))
    counts = generator.binomial(each, shares)
    seeds = {
        "suite": seeds_of((1,) * (categories * each)),
        "population": seeds_of((each,) * categories),
    }
    return {name: tally(_ends(counts, each, own), mean) for name, own in seeds.items()}


def _ends(counts: np.ndarray, each: int, seeds: Seeds) -> np.ndarray:
    """Ends [runs, 2] for the lost of each category [runs, categories]."""
    known: dict[tuple[int, ...], tuple[float, float]] = {}
    rows = []
    for row in np.sort(counts, axis=1):
        key = tuple(row.tolist())
        if key not in known:
            lost = np.concatenate([np.arange(each) < count for count in key]).astype(float)
            known[key] = ends(paired.difference(lost, np.zeros_like(lost), seeds, NOMINAL))
        rows.append(known[key])
    return np.array(rows)


def tables(*, quick: bool = False) -> Iterator[Table]:
    """One table over worlds and sets, both intervals beside each other."""
    runs = 60 if quick else _RUNS
    rows = []
    for sizes in _SETS[: 1 if quick else len(_SETS)]:
        for mean, spread in _WORLDS:
            found = random_categories(sizes, mean, spread, runs)
            for name, one in found.items():
                labels = (f"{sizes[0]} of {sizes[1]}", f"{100 * mean:.0f}", f"{100 * spread:.0f}")
                rows.append((*labels, name, *one.cells()))
    yield Table(
        title="A population of categories",
        note=f"{runs} repetitions a cell; nominal 95 %. The truth is the mean loss of the "
        "population that categories are drawn from. *Suite*: prompts independent; it is about "
        "requests of the suite's own categories, and is here held against what it does not speak "
        "of. *Population*: `interval: population`, prompts of a category as one cluster. *Upper "
        "end too low* is the share of models at a limit that would pass. Of categories without any "
        "loss nothing is known of how far they agree; so 10 of them never bound the loss of others "
        "below 33 points, 20 not below 17, and it takes 38 for 10 points and 76 for 5.",
        header=("categories", "mean lost %", "sd between, points", "interval", *RESULTS),
        rows=tuple(rows),
    )
