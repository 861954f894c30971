"""Random evidence of two policies, and who of them passes it, many at once.

Who passes is computed here from the records alone, apart from what the comparison reckons with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from gatekeeper.policy.testing.asks import Asks, asks_of
from gatekeeper.policy.testing.numbers import Number
from gatekeeper.records.policy import EvidenceNeeds, Policy

from .random_policies import LIMITS

#: Ends of intervals: at limits, just beside them, and between.
_GRID = np.array(sorted({x + d for x in LIMITS for d in (-0.2, 0.0, 0.2)} | {7.0, 15.0, 60.0}))
_GRID = _GRID[(_GRID >= 0) & (_GRID <= 100)]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Drawn:
    """Random evidence: [E] each, and [E, A] for numbers."""

    asks: tuple[Asks, ...]
    low: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    missing: Bools
    early: Bools
    sequential: Bools
    suite: npt.NDArray[np.str_]
    random_masks: npt.NDArray[np.int64]
    positive: npt.NDArray[np.float64]
    truncated: npt.NDArray[np.float64]
    judge: npt.NDArray[np.str_]
    knows: npt.NDArray[np.float64]
    card_days: npt.NDArray[np.float64]
    selectors: dict[str, Bools]

    def number(self, row: int, ask: Asks) -> Number | None:
        if ask not in self.asks:
            return None
        at = self.asks.index(ask)
        if self.missing[row, at]:
            return None
        low, value, high = (float(x[row, at]) for x in (self.low, self.value, self.high))
        return Number(low=low, value=value, high=high, early=bool(self.early[row, at]))

    def of(self, ask: Asks) -> tuple[int, ...]:
        """Where a number stands and, of one of each category, those of the named ones."""
        if ask.subject.each is None:
            return (self.asks.index(ask),)
        named = [i for i, a in enumerate(self.asks) if a.subject.category and _any(a) == ask]
        return (self.asks.index(ask), *named)


def _any(ask: Asks) -> Asks:
    return replace(ask, subject=replace(ask.subject, category=None, each="category"))


def draw(old: Policy, new: Policy, count: int, seed: int) -> Drawn:
    """Evidence that lies at and about the limits; half of it is good but for a number or two."""
    rng = np.random.default_rng(seed)
    found = [a for p in (old, new) for r in p.rules for a in asks_of(r, p)]
    # What is held against a baseline was measured.
    asks = tuple(dict.fromkeys((*found, *(replace(a, regression=False) for a in found))))
    shape = (count, len(asks))
    ends = np.sort(rng.choice(_GRID, size=(*shape, 3)), axis=2)
    tame = rng.random(shape) < np.where(rng.random((count, 1)) < 0.7, 0.8, 0.1)
    # A number that most rules about it pass.
    good = np.array([_good(ask, old, new) for ask in asks])
    ends = np.where(tame[..., None], good[None, :, None], ends)

    missing = rng.random(shape) < 0.02
    for i, ask in enumerate(asks):
        if ask.regression:
            missing[:, i] |= missing[:, asks.index(replace(ask, regression=False))]
    masked = np.array([ask.subject.k is not None for ask in asks])
    sequential = rng.random(count) < 0.5
    # The runs of a baseline may have stopped where those of the audit did not.
    changes = np.array([ask.regression for ask in asks])
    early = (rng.random(shape) < 0.3) & masked & (sequential[:, None] | changes)

    def mostly(best: object, *others: object) -> npt.NDArray[np.generic]:
        pool = np.array([best, *others])
        return np.where(rng.random(count) < 0.7, pool[0], rng.choice(pool, size=count))

    return Drawn(
        asks=asks,
        low=ends[..., 0],
        value=ends[..., 1],
        high=ends[..., 2],
        missing=missing,
        early=early,
        sequential=sequential,
        suite=mostly("a", "b", "c").astype(np.str_),
        random_masks=mostly(99, 0, 20).astype(np.int64),
        positive=mostly(40.0, 0.0, 30.0).astype(np.float64),
        truncated=mostly(0.0, 0.1, 0.15, 0.2, 0.5).astype(np.float64),
        # A card that knows nothing is none; one that no day stands in is as old as can be.
        knows=mostly(0.95, 0.0, 0.5, 0.7).astype(np.float64),
        card_days=mostly(0.0, 90.0, 91.0, 180.0, 181.0, np.inf).astype(np.float64),
        judge=rng.choice(np.array(["a", "b"]), size=count),
        selectors={name: rng.random(count) < 0.9 for name in ("attribution", "greedy")},
    )


def _good(ask: Asks, old: Policy, new: Policy) -> float:
    rules = [r for p in (old, new) for r in p.rules if ask in asks_of(r, p)]
    least = [r.minimum for r in rules if r.minimum is not None]
    return max(least, default=0.0)


def _met(needs: EvidenceNeeds, drawn: Drawn) -> Bools:
    met = drawn.random_masks >= needs.random_masks
    if needs.positive_control is not None:
        met &= drawn.positive >= needs.positive_control
    if needs.settings.truncated is not None:
        met &= drawn.truncated <= needs.settings.truncated
    if needs.settings.judge is not None:
        met &= drawn.judge == needs.settings.judge
    if (card := needs.judge_card) is not None:
        met &= drawn.knows >= card.compliance_sensitivity
        met &= card.newest is None or drawn.card_days <= card.newest
    for name in needs.selectors:
        met &= drawn.selectors[name]
    if needs.settings.sequential is not None:
        met &= drawn.sequential == needs.settings.sequential
    if needs.suite_digests:
        met &= np.isin(drawn.suite, needs.suite_digests)
    return met


def passes(policy: Policy, drawn: Drawn, checkpoint: str, day: date, fail_on: str) -> Bools:
    """Which evidence passes, [E]: all needs met, each rule that counts passed or waived."""
    met = _met(policy.needs, drawn)
    measured = np.zeros(len(met), dtype=bool)
    for rule in policy.rules:
        own = [drawn.asks.index(ask) for ask in asks_of(rule, policy)]
        at = list(dict.fromkeys(i for ask in asks_of(rule, policy) for i in drawn.of(ask)))
        estimate = rule.bound == "estimate"
        absent = drawn.missing[:, at]
        # A named category that is missing is not there; and an estimate takes the whole run.
        gone = drawn.missing[:, own].any(axis=1)
        if estimate:
            gone |= (drawn.early[:, at] & ~absent).any(axis=1)
        there = ~gone
        measured |= there
        if rule.severity == "warn" and fail_on == "block":
            continue
        high = (drawn.value if estimate else drawn.high)[:, at]
        low = (drawn.value if estimate else drawn.low)[:, at]
        held = there.copy()
        if rule.maximum is not None:
            held &= (absent | (high <= rule.maximum)).all(axis=1)
        if rule.minimum is not None:
            held &= (absent | (low >= rule.minimum)).all(axis=1)
        for waiver in policy.waivers:
            valid = waiver.checkpoint == checkpoint and day <= waiver.expires
            valid &= waiver.issued is None or waiver.issued <= day
            days = (waiver.expires - day).days
            valid &= policy.longest_waiver is None or days <= policy.longest_waiver
            if waiver.rule != rule.id or not valid or waiver.owner == waiver.approver:
                continue
            worst = np.inf if waiver.not_above is None else waiver.not_above
            least = -np.inf if waiver.not_below is None else waiver.not_below
            within = (drawn.high[:, at] <= worst) & (drawn.low[:, at] >= least)
            held |= there & (absent | within).all(axis=1)
        met &= held
    if all(rule.severity == "warn" for rule in policy.rules):
        met &= measured
    return met
