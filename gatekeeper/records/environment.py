"""A part of the suite that experts were selected within, and without."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.records.model import ExpertId

#: What a suite can be parted by.
DIMENSIONS = ("category", "language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One selector's choice within a part of the selection split, and from all the rest of it.

    Attributes:
        dimension: one of `DIMENSIONS`; `values`: those of the prompts in it.
        within: experts selected from its own prompts; `without`: from all others; in order.
        seeds: independent regular seeds it was selected from within, and `others` without.
        fold: under cross-fitting, the fold whose prompts selected (1 or 2); else 0.
    """

    dimension: str
    values: tuple[str, ...]
    selector: str
    within: tuple[ExpertId, ...]
    without: tuple[ExpertId, ...]
    seeds: int
    others: int
    fold: int = 0

    @property
    def name(self) -> str:
        """Its values, joined."""
        return ", ".join(self.values)
