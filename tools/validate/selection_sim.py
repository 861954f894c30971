"""How far the selectors find what is true, and whether the bounds on false selections hold.

The real selectors run on simulated profiles with a known truth (see `planted_world`). The bounds
are on E[V], the mean number of experts that are stable but not true: Meinshausen & Bühlmann (2010)
and Shah & Samworth (2013), see gatekeeper/analysis/bounds.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from gatekeeper import catalog
from gatekeeper.records.selection import Selection
from tools.validate.planted_world import TRUE, Effect, Routing, World, world
from tools.validate.table import Table

SELECTORS = ("ses-frequency", "ses-contrast", "attribution")
ROUTING: Mapping[str, Routing] = {
    "exchangeable": Routing(),
    "routed": Routing(committee=3.0, base=0.5, topic=1.0, seed=0.5, prompt=0.3, busy_noise=True),
    "drift": Routing(
        committee=3.0, base=0.5, topic=1.0, seed=0.5, prompt=0.3, busy_noise=True, drift=0.3
    ),
}
EFFECTS: Mapping[str, Effect] = {
    "none": Effect(routing=0.0, attribution=0.0),
    "small": Effect(routing=0.35, attribution=0.4),
    "large": Effect(routing=1.5, attribution=1.5),
}
_SEEDS, _EXPERTS = (40, 150), (64, 512)
_RUNS = 100
_PREMISES = {
    "exchangeable": "All experts alike, prompts independent: every premise of both bounds holds.",
    "routed": "One always-on expert a layer, topics shared by the prompts of a category, requests "
    "shared by twins, and attribution noisier for busier experts. Experts are not exchangeable: "
    "the premise of Meinshausen & Bühlmann is broken. Topics cancel between twins.",
    "drift": "As `routed`, and the twins of a category differ from its regular prompts in a common "
    "way that has nothing to do with harm (6 categories; attribution likewise). Prompts are then "
    "not independent: resampling them sees that difference as an effect. Truth is about "
    "categories that could have been drawn.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One selection against the truth.

    Attributes:
        false, right: stable experts that are not true, and that are.
        committee: stable experts that are always on.
        top: true experts among the first `TRUE` of the ranking.
        bound, unimodal: on E[V], or None.
    """

    false: int
    right: int
    committee: int
    top: int
    bound: float | None
    unimodal: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The repetitions of one selector in one cell; nothing is true in a null cell."""

    outcomes: tuple[Outcome, ...]
    null: bool

    @property
    def false(self) -> tuple[float, float, float]:
        """Mean number of false selections with its 95 % interval (Student's t; none seen: Poisson).

        Source of the upper end where none was seen: −ln(0.025)/R, the exact limit for a mean.
        """
        seen = np.array([outcome.false for outcome in self.outcomes], dtype=np.float64)
        mean, runs = float(seen.mean()), len(seen)
        if not seen.any():
            return 0.0, 0.0, -float(np.log(0.025)) / runs
        reach = float(stats.t.ppf(0.975, runs - 1) * seen.std(ddof=1) / np.sqrt(runs))
        return mean, max(0.0, mean - reach), mean + reach

    def within(self, bound: float | None) -> str:
        """Whether E[V] keeps to a bound: `holds`, `BROKEN`, or `unclear` for want of runs."""
        if bound is None:
            return "no bound"
        _, low, high = self.false
        return "holds" if high <= bound else "BROKEN" if low > bound else "unclear"

    def cells(self) -> tuple[str, ...]:
        """Columns of the table from precision on."""
        right = sum(o.right for o in self.outcomes)
        wrong = sum(o.false for o in self.outcomes)
        runs = len(self.outcomes)
        mean, low, high = self.false
        first = self.outcomes[0]
        return (
            f"{100 * right / (right + wrong):.0f} %" if right + wrong else "–",
            "–" if self.null else f"{100 * right / runs / TRUE:.0f} %",
            "–" if self.null else f"{100 * sum(o.top for o in self.outcomes) / runs / TRUE:.0f} %",
            f"{mean:.2f} ({low:.2f}–{high:.2f})",
            f"{sum(o.committee for o in self.outcomes) / runs:.2f}",
            _bound(first.bound, self),
            _bound(first.unimodal, self),
        )


def _bound(bound: float | None, cell: Cell) -> str:
    return "–" if bound is None else f"{bound:.2f} {cell.within(bound)}"


def _outcome(selector: str, drawn: World, null: bool) -> Outcome:
    found = catalog.load("selector", selector).select(drawn.given)
    if not isinstance(found, Selection):
        raise TypeError(found)
    truth = frozenset() if null else drawn.truth
    stable = {ranked.expert for ranked in found.stable}
    return Outcome(
        false=len(stable - truth),
        right=len(stable & truth),
        committee=len(stable & drawn.committee),
        top=len({ranked.expert for ranked in found.ranked[:TRUE]} & truth),
        bound=found.error_bound,
        unimodal=found.unimodal_bound,
    )


@cache
def simulate(routing: str, effect: str, seeds: int, experts: int, runs: int) -> dict[str, Cell]:
    """Every selector on the same `runs` draws of a world; the k-th draw has seed k."""
    null = effect == "none"
    found: dict[str, list[Outcome]] = {name: [] for name in SELECTORS}
    for seed in range(runs):
        drawn = world(ROUTING[routing], EFFECTS[effect], seeds=seeds, experts=experts, seed=seed)
        for name, outcomes in found.items():
            outcomes.append(_outcome(name, drawn, null))
    return {name: Cell(outcomes=tuple(all_), null=null) for name, all_ in found.items()}


def _table(routing: str, seeds: tuple[int, ...], experts: tuple[int, ...], runs: int) -> Table:
    rows = []
    for name in SELECTORS:
        for e in experts:
            for n in seeds:
                for effect in EFFECTS:
                    cell = simulate(routing, effect, n, e, runs)[name]
                    rows.append((name, str(e), str(n), effect, *cell.cells()))
    return Table(
        title=f"Selection in the world `{routing}`",
        note=f"{_PREMISES[routing]} {runs} repetitions a cell, {TRUE} true experts, q = 8. "
        "*V*: stable experts that are not true, mean with its 95 % interval; *committee*: those of "
        "the stable that are always on (the first of each layer, wherever nothing sets it apart). "
        "A frequency ranking has no bound on V.",
        header=(
            "selector", "experts", "seeds", "effect", "precision", "recall", "recall of top 8",
            "V", "committee", "Meinshausen–Bühlmann", "unimodal",
        ),
        rows=tuple(rows),
    )  # fmt: skip


def run(*, quick: bool = False) -> list[Table]:
    """One table for each world; `quick` has the small model and fewer repetitions."""
    if quick:
        return [_table(routing, _SEEDS[:1], _EXPERTS[:1], 20) for routing in ROUTING]
    return [_table(routing, _SEEDS, _EXPERTS, _RUNS) for routing in ROUTING]
