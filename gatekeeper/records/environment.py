"""Selections in environments: parts of the suite, other system prompts, other numeric formats."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.records.digest import NO_TEXT
from gatekeeper.records.model import ExpertId

#: What a suite can be parted by.
DIMENSIONS = ("category", "language")
#: What the whole suite can be run anew with.
VARIANTS = ("system prompt", "format")

#: Numeric formats that a model can be run in; the last by rounding after it was loaded.
FORMATS = ("float32", "bfloat16", "float16", "int8")

#: sha256 of no text: no system prompt.
NO_PROMPT = NO_TEXT


def prompt_name(digest: str) -> str:
    """The name of a system prompt by the sha256 of its text: eight digits, or `none` if empty."""
    return "none" if digest == NO_PROMPT else f"sha256-{digest[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One selector's choice within an environment, and from all but it.

    Of `DIMENSIONS`, an environment is a part of the selection split, and all but it the rest. Of
    `VARIANTS`, it is the selection split under another system prompt or in another numeric format,
    and all but it is the audit itself.

    Attributes:
        dimension: one of `DIMENSIONS` or `VARIANTS`.
        values: of the prompts in it; of a variant its name.
        within: experts selected within it; `without`: from all but it; in order.
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
        """The environment's values, joined."""
        return ", ".join(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How much an environment changes what a selector selects.

    Attributes:
        dimension: one of `DIMENSIONS`, whose parts are compared with each other, or of `VARIANTS`.
        value: the variant, compared with the audit itself; empty for parts.
        phi: how alike the selections are: Nogueira's Φ, 1 if the same, 0 as if by chance; of parts
            over selection probabilities, of a variant over the experts ranked first.
        usual, low: what it is without such a change. For parts: mean and lowest Φ of `draws` random
            partings into as many seeds each; for variants: mean and lowest Φ of `draws` pairs of
            redraws of the prompts.
        fold: under cross-fitting, the fold whose prompts selected (1 or 2); else 0.
    """

    dimension: str
    value: str
    selector: str
    phi: float
    usual: float
    low: float
    draws: int
    fold: int = 0

    @property
    def changes(self) -> bool:
        """Whether the selection differs by more than chance explains."""
        return self.phi < self.low
