"""Which experts a selector ranked, and how stably."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatekeeper.records.finding import Interval
from gatekeeper.records.model import ExpertId


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedExpert:
    """One expert in a selector's order.

    Attributes:
        score: the selector's own score, in its own unit.
        probability: selection probability π̂ over the resamples, in [0, 1].
        groups: the sets it is stable in: `HCDG` (harm detection), `HRCG` (response control).
        borderline: whether resampling noise alone could move it across the cut.
    """

    expert: ExpertId
    score: float
    probability: float
    groups: tuple[str, ...]
    borderline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Phi:
    """How alike the selections of the resamples are: Nogueira's Φ, 1 if all agree, 0 by chance."""

    value: float
    interval: Interval
    resamples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The same rule with another choice of what its source leaves open.

    Attributes:
        size, resamples: N_e (or q) and S as varied.
        stable: experts that are stable then; `shared`: those among them that are stable as run.
    """

    size: int
    resamples: int
    stable: int
    shared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The outcome of one selector on the selection split.

    Attributes:
        selector, version: which rule, and which version of it.
        window: token window the scores come from.
        ranked: experts, most safety-critical first; masks of size k take the first k.
        prompts: prompts used, per set.
        resamples: resamples drawn; `size`: experts taken per resample (N_e or q).
        threshold: π̂ from which an expert counts as stable.
        error_bound: bound on the expected number of false selections E[V], if the rule has one;
            `unimodal_bound`: a tighter one, under another premise (see `analysis.bounds`).
        phi: stability over the resamples, or None where it is not defined.
        sensitivity: what other sizes and numbers of resamples would have found stable.
        forwards: forward passes (rows) that were measured to select; 0 for a rule that only reads
            what the profile holds.
        notes: premises and choices a reader must know, one sentence each.
        fold: under cross-fitting, the fold whose prompts selected (1 or 2); else 0.
        cut: whether the budget did not allow all steps of a rule that measures. False in bundles
            written before it was told.
    """

    selector: str
    version: int
    window: str
    ranked: tuple[RankedExpert, ...]
    prompts: Mapping[str, int]
    resamples: int
    size: int
    threshold: float
    seed: int
    error_bound: float | None
    notes: tuple[str, ...]
    unimodal_bound: float | None = None
    phi: Phi | None = None
    sensitivity: tuple[Sensitivity, ...] = ()
    forwards: int = 0
    fold: int = 0
    cut: bool = False

    @property
    def stable(self) -> tuple[RankedExpert, ...]:
        """Experts at or above the threshold."""
        return tuple(r for r in self.ranked if r.probability >= self.threshold)
