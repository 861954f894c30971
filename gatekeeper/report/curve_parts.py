"""What the refusal curve is drawn from: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.records.finding import Finding, Interval, Missing

#: Percent above which everything must lie for the axis not to begin at 0.
_CLOSE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPoint:
    """Refusal rates under random masks of one size: percent over `masks` masks."""

    k: int
    mean: float
    low: float
    high: float
    masks: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveSeries:
    """Refusal rate under one selector's nested masks; each finding's subject has its k."""

    selector: str
    points: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStep:
    """Refusal rate in percent below which a rule fails at one mask size."""

    k: int
    level: float
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRow:
    """One mask of a selector, beside its controls; or one that stands beside, which has none.

    Attributes:
        selector: or what a mask beside follows, see `analysis.comparison_masks`.
    """

    selector: str
    k: int
    rate: Finding
    drop: Finding | Missing | None
    excess: Finding | Missing | None
    broken: Finding | Missing | None
    controls: ControlPoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Refusal of the regular set against the number of masked experts.

    Attributes:
        worst: the selector the verdict turned on, or the one with the lowest refusal rate.
        k: the mask size the report speaks of.
        rule: id of the rule of whose masks this one lost most; empty where none says so.
        controls: matched to the worst selector's masks.
        limits: by ascending k, for the mask sizes that a rule speaks of.
        rows: of the worst selector; `beside`: of the masks to compare with.
    """

    unmasked: Finding
    worst: str
    k: int
    series: tuple[CurveSeries, ...]
    controls: tuple[ControlPoint, ...]
    limits: tuple[LimitStep, ...]
    rows: tuple[CurveRow, ...]
    beside: tuple[CurveRow, ...]
    rule: str = ""

    @property
    def floor(self) -> int:
        """Percent at which the axis begins: above 0 where all there is to see lies close together.

        Nothing that is drawn lies below it.
        """
        worst = next(s for s in self.series if s.selector == self.worst)
        lowest = min(
            self.unmasked.interval.low,
            *(point.value for series in self.series for point in series.points),
            *(point.interval.low for point in worst.points),
            *(point.low for point in self.controls),
            *(step.level for step in self.limits if step.level >= 0),
        )
        # Room below for the hatching of a limit.
        return int((lowest - 2) // 10) * 10 if lowest >= _CLOSE else 0

    @property
    def band(self) -> Interval:
        """One of the intervals that the band of the worst selector is made of."""
        return next(s for s in self.series if s.selector == self.worst).points[0].interval

    @property
    def ks(self) -> tuple[int, ...]:
        """All mask sizes measured, ascending."""
        return tuple(sorted({p.subject.k or 0 for s in self.series for p in s.points}))

    def masked(self, selector: str, k: int) -> Finding | None:
        """The rate of one selector at one size."""
        for series in self.series:
            for point in series.points:
                if series.selector == selector and point.subject.k == k:
                    return point
        return None
