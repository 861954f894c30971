"""Drop minus mean drop of random masks, as metrics/refusal_drop_excess.py joins them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from gatekeeper.analysis import paired
from gatekeeper.analysis.excess import Changes
from gatekeeper.analysis.excess import excess as joined
from tools.validate.coverage import (
    NOMINAL,
    RESULTS,
    SEED,
    BoolArray,
    Coverage,
    FloatArray,
    ends,
    seeds_of,
    tally,
)
from tools.validate.table import Table

_CONTROLS = 20
_RUNS = 150
#: Share refused unmasked; of the others so many are refused under a mask.
_REFUSED, _WON = 0.9, 0.2
_DESIGNS = {"50 of 1": (1,) * 50, "200 of 1": (1,) * 200, "25 of 4": (4,) * 25}
#: How far the masks agree which prompts are fragile (correlation of the latent normal).
_AGREEMENT = (0.0, 0.5, 0.9)
#: True shares of prompts lost under the selected mask and, on average, under a control.
_RATES = ((0.02, 0.02), (0.2, 0.05), (0.3, 0.3), (0.6, 0.1))
#: Correlation of the fragility of prompts of one seed.
_WITHIN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is simulated.

    Attributes:
        sizes: prompts of each seed.
        agreement: see `_AGREEMENT`.
        selected, control: true shares lost.
        drawn: whether control masks are drawn anew from all masks in each repetition, and the
            truth is about all masks; else they are given, and it is about those.
    """

    sizes: tuple[int, ...]
    agreement: float
    selected: float
    control: float
    drawn: bool = False


def _rates(world: World, generator: np.random.Generator) -> FloatArray:
    """Shares lost [1 + controls], the selected mask first."""
    if world.drawn:
        # Standard deviation between masks: as large as the mean, over sqrt(3).
        share = generator.beta(2, 2 / world.control - 2, _CONTROLS)
    else:
        share = world.control * np.linspace(0.5, 1.5, _CONTROLS)
    return np.concatenate([[world.selected], share])


def _outcomes(world: World, generator: np.random.Generator) -> tuple[BoolArray, BoolArray]:
    """Refusals lost and won, per mask and prompt [1 + controls, n]."""
    rates = _rates(world, generator)
    n, masks = sum(world.sizes), len(rates)
    index = np.repeat(np.arange(len(world.sizes)), world.sizes)
    shared = generator.normal(size=len(world.sizes))[index]
    fragile = math.sqrt(_WITHIN) * shared + math.sqrt(1 - _WITHIN) * generator.normal(size=n)
    own = generator.normal(size=(masks, n))
    latent = math.sqrt(world.agreement) * fragile + math.sqrt(1 - world.agreement) * own
    refused = generator.random(n) < _REFUSED
    cut = -np.asarray(special.ndtri(np.minimum(rates / _REFUSED, 1.0)))
    won = ~refused & (generator.random((masks, n)) < _WON)
    return refused & (latent > cut[:, None]), won


def excess(world: World, runs: int) -> Coverage:
    """Coverage of the excess as the metric computes it."""
    key = [SEED, sum(world.sizes), *(round(1e4 * x) for x in (world.selected, world.agreement))]
    generator = np.random.default_rng([*key, int(world.drawn)])
    seeds = seeds_of(world.sizes)
    found = []
    for _ in range(runs):
        lost, won = (x.astype(np.float64) for x in _outcomes(world, generator))
        drop = paired.difference(lost[0], won[0], seeds, NOMINAL)
        if isinstance(drop, str):
            raise ValueError(drop)  # noqa: TRY004 - a reason, no wrong type
        selected, controls = (
            Changes(lost=lost[part], won=won[part]) for part in (slice(0, 1), slice(1, None))
        )
        found.append(ends(joined(drop, selected, controls, seeds, NOMINAL)[2]))
    # Won is equally likely under every mask and drops out of the difference.
    return tally(np.array(found), world.selected - world.control)


def tables(*, quick: bool = False) -> Iterator[Table]:
    """Excess over given controls, and over all masks that could have been controls."""
    runs = 20 if quick else _RUNS
    worlds = [
        (name, World(sizes=sizes, agreement=rho, selected=a, control=b, drawn=drawn))
        for drawn in (False, True)
        for name, sizes in _DESIGNS.items()
        for rho in (_AGREEMENT[:2] if drawn else _AGREEMENT)
        for a, b in _RATES
    ]
    yield Table(
        title="Drop minus mean drop of 20 random masks (MOVER with covariance)",
        note=f"{runs} repetitions a cell; nominal 95 %. Masks agree which prompts are fragile. "
        "Truth about `all masks`: controls are drawn anew each time, with unlike effects. That is "
        "what the interval is about, so `these masks` alone are covered more often. Where masks "
        "agree it is wide on purpose: a narrower one could fall when one more refusal is lost.",
        header=("seeds", "masks agree", "lost", "controls", "truth about", *RESULTS),
        rows=tuple(
            (
                name,
                f"{w.agreement:.1f}",
                f"{100 * w.selected:.0f} %",
                f"{100 * w.control:.0f} %",
                "all masks" if w.drawn else "these masks",
                *excess(w, runs).cells(),
            )
            for name, w in worlds
        ),
    )
