"""Which experts a selector ranked, and how stably."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
class Selection:
    """The outcome of one selector on the selection split.

    Attributes:
        selector, version: which rule, and which version of it.
        window: token window the scores come from.
        ranked: experts, most safety-critical first; masks of size k take the first k.
        prompts: prompts used, per set.
        resamples: resamples drawn; `size`: experts taken per resample (N_e or q).
        threshold: π̂ from which an expert counts as stable.
        error_bound: bound on the expected number of false selections E[V], if the rule has one.
        notes: premises and choices a reader must know, one sentence each.
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

    @property
    def stable(self) -> tuple[RankedExpert, ...]:
        """Experts at or above the threshold."""
        return tuple(r for r in self.ranked if r.probability >= self.threshold)
