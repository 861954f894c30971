"""Pairs of random policies, and random evidence of both with who passes it, many at once.

Who passes is computed here from the records alone, apart from what the comparison reckons with.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from gatekeeper.policy.testing.files import Asks, asks_of
from gatekeeper.policy.testing.told import Number
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import EvidenceNeeds, Policy, Rule, SettingsNeeds, Waiver
from tests.policy.builders import make_policy, make_rule

TODAY = date(2026, 12, 1)
CHECKPOINTS = ("sha256:" + "0" * 64, "sha256:" + "a" * 64, "sha256:" + "b" * 64)
DAYS = (TODAY, TODAY + timedelta(days=40), TODAY + timedelta(days=400))
_LIMITS = (0.0, 5.0, 10.0, 10.5, 20.0, 100.0)
#: Ends of intervals: at limits, just beside them, and between.
_GRID = np.array(sorted({x + d for x in _LIMITS for d in (-0.2, 0.0, 0.2)} | {7.0, 15.0, 60.0}))
_GRID = _GRID[(_GRID >= 0) & (_GRID <= 100)]

Bools = npt.NDArray[np.bool_]


def random_policy(rng: random.Random, like: Policy | None = None) -> Policy:
    """A policy of one to four rules; mostly one that differs from another in a few things."""
    if like is not None and rng.random() < 0.8:
        return _changed(rng, like)
    rules = tuple(_rule(rng, f"rule-{i}") for i in range(rng.randint(1, 4)))
    if rng.random() < 0.15:
        rules = tuple(replace(rule, severity="warn") for rule in rules)
    waivers = tuple(_waiver(rng, rule) for rule in rules if rng.random() < 0.3)
    longest = rng.choice((None, None, 30, 90, 365))
    return make_policy(*rules, needs=_needs(rng), waivers=waivers, longest_waiver=longest)


def _changed(rng: random.Random, policy: Policy) -> Policy:
    rules = list(policy.rules)
    at = rng.randrange(len(rules))
    kind = rng.choice(
        ("limit", "limit", "bound", "severity", "drop", "add", "needs", "waiver", "part")
    )
    if all(rule.severity == "warn" for rule in rules) and rng.random() < 0.5:
        others = tuple(replace(_rule(rng, r.id), severity="warn") for r in rules)
        return replace(policy, rules=others, waivers=())
    rule = rules[at]
    if kind == "limit":
        limit = rng.choice(_LIMITS)
        both, upper = rule.bound == "both" or len(rule.sides()) > 1, rule.maximum is not None
        if both and rule.minimum is not None and limit > rule.minimum:
            rules[at] = replace(rule, maximum=limit)
        elif not both:
            rules[at] = replace(rule, maximum=limit) if upper else replace(rule, minimum=limit)
    elif kind == "bound":
        rules[at] = replace(rule, bound=rng.choice((_natural(rule), "estimate")))
    elif kind == "part":
        rules[at] = replace(rule, subjects=tuple(_part(rng, at_) for at_ in rule.subjects))
    elif kind == "severity":
        rules[at] = replace(rule, severity=rng.choice(("block", "warn")))
    elif kind == "drop" and len(rules) > 1:
        del rules[at]
    elif kind == "add":
        rules.append(_rule(rng, f"added-{rng.randint(0, 9)}"))
    needs = _needs(rng) if kind == "needs" else policy.needs
    kept = {rule.id for rule in rules}
    waivers = tuple(w for w in policy.waivers if w.rule in kept)
    if kind == "waiver":
        waivers = (_waiver(rng, rules[0]),) if not waivers else ()
    if rng.random() < 0.1:
        policy = replace(policy, longest_waiver=rng.choice((None, 30, 90, 365)))
    changed = replace(policy, rules=tuple(rules), needs=needs, waivers=waivers)
    return changed if rng.random() < 0.6 else _changed(rng, changed)


def _natural(rule: Rule) -> str:
    if len(rule.sides()) > 1:
        return "both"
    return "upper" if rule.maximum is not None else "lower"


def _part(rng: random.Random, subject: Subject) -> Subject:
    """The same of all, of each category, or of one of them."""
    each, category = rng.choice(((None, None), ("category", None), (None, "a"), (None, "b")))
    return replace(subject, each=each, category=category)


def _rule(rng: random.Random, name: str) -> Rule:
    kind = rng.random()
    if kind < 0.2:
        return _regression(rng, name)
    upper, estimate = rng.random() < 0.6, rng.random() < 0.4
    limit = rng.choice(_LIMITS)
    masked = rng.random() < 0.6
    subjects = (
        tuple(Subject(k=k, set="regular") for k in rng.choice(((2,), (4,), (2, 4))))
        if masked
        else (Subject(set=rng.choice(("regular", "benign")), mask="none"),)
    )
    if rng.random() < 0.3:
        subjects = tuple(_part(rng, at) for at in subjects)
    if kind < 0.35:
        least, most = sorted(rng.sample(_LIMITS, 2))
        return make_rule(
            id=name,
            metric="gross-refusal-loss" if masked else "refusal-rate",
            subjects=subjects,
            minimum=least,
            maximum=most,
            unit="%",
            bound="estimate" if estimate else "both",
            severity=rng.choice(("block", "block", "warn")),
        )
    return make_rule(
        id=name,
        metric="gross-refusal-loss" if masked else "refusal-rate",
        subjects=subjects,
        maximum=limit if upper else None,
        minimum=None if upper else limit,
        unit="%",
        bound="estimate" if estimate else "upper" if upper else "lower",
        severity=rng.choice(("block", "block", "warn")),
    )


def _regression(rng: random.Random, name: str) -> Rule:
    return make_rule(
        id=name,
        metric="refusal-rate",
        subjects=(_part(rng, Subject(set=rng.choice(("regular", "benign")), mask="none")),),
        maximum=rng.choice(_LIMITS),
        minimum=None,
        unit="points",
        bound=rng.choice(("upper", "upper", "estimate")),
        severity=rng.choice(("block", "block", "warn")),
        regression=True,
    )


def _waiver(rng: random.Random, rule: Rule) -> Waiver:
    return Waiver(
        rule=rule.id,
        checkpoint=rng.choice(CHECKPOINTS[1:]),
        reason="Known.",
        owner="a@example.com",
        approver=rng.choice(("b@example.com", "b@example.com", "a@example.com")),
        expires=rng.choice((DAYS[0] - timedelta(days=1), *DAYS)),
        not_above=rng.choice((None, *_LIMITS)) if rule.maximum is not None else None,
        not_below=rng.choice((None, *_LIMITS)) if rule.minimum is not None else None,
        issued=rng.choice((None, None, *DAYS[:2])),
        line=1,
    )


def _needs(rng: random.Random) -> EvidenceNeeds:
    return EvidenceNeeds(
        selectors=rng.choice((("attribution",), ("attribution", "greedy"), ("greedy",))),
        ks=(2, 4),
        random_masks=rng.choice((0, 20, 99)),
        prompts={},
        positive_control=rng.choice((None, 30.0)),
        settings=SettingsNeeds(
            truncated=rng.choice((None, 0.1, 0.2)),
            judge=rng.choice((None, "a", "b")),
            sequential=rng.choice((None, None, False, True)),
        ),
        suite_digests=rng.choice(((), (), ("a",), ("a", "b"), ("b", "c"))),
    )


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
    early = (rng.random(shape) < 0.3) & masked & sequential[:, None]

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
