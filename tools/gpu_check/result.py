"""What the parts of the check find: claims that held or not, and figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that has to be so, and whether it is.

    Attributes:
        name: what, in a few words; `detail`: with which numbers.
    """

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that is measured and claims nothing.

    Attributes:
        n: repetitions, or things counted.
        low, high: lowest and highest of the repetitions; the value alone where there is one.
    """

    name: str
    value: float
    unit: str
    n: int
    low: float
    high: float


@dataclass(slots=True, kw_only=True)
class Part:
    """One part of the check.

    Attributes:
        error: why it ended early, where it did.
    """

    name: str
    claims: list[Claim] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None

    @property
    def held(self) -> bool:
        """Whether it ran to its end and every claim held."""
        return self.error is None and all(claim.held for claim in self.claims)

    def claim(self, name: str, held: bool, detail: str) -> None:
        """Adds a claim."""
        self.claims.append(Claim(name=name, held=bool(held), detail=detail))

    def figure(self, name: str, values: list[float], unit: str, n: int | None = None) -> None:
        """Adds a figure: the median of its repetitions."""
        ordered = sorted(values)
        self.figures.append(
            Figure(
                name=name,
                value=ordered[len(ordered) // 2],
                unit=unit,
                n=len(values) if n is None else n,
                low=ordered[0],
                high=ordered[-1],
            )
        )

    def to_json(self) -> dict[str, Any]:
        """As it is written."""
        return {**asdict(self), "held": self.held}
