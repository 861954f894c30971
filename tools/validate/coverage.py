"""Counts of how often an interval held a known truth, with the noise of the counting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from gatekeeper.analysis.paired import Estimate
from gatekeeper.records.finding import Interval

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Seeds = npt.NDArray[np.str_]

NOMINAL = 0.95
#: Coverage that is as good as the nominal one.
LOW, HIGH = 0.93, 0.97
#: First part of the seed of every draw.
SEED = 20_260_101

#: Columns that `Coverage.cells` fills.
RESULTS = ("coverage %", "its 95 % interval", "upper end too low %", "mean width", "flag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How often intervals held the truth.

    Attributes:
        held, beyond, runs: intervals that held it, that lay wholly below it, and all of them.
        width: their mean width, in the unit of the interval.
    """

    held: int
    beyond: int
    runs: int
    width: float

    @property
    def share(self) -> float:
        """Coverage, 0 to 1."""
        return self.held / self.runs

    @property
    def noise(self) -> tuple[float, float]:
        """95 % interval of the coverage over repetitions: Clopper & Pearson (1934), exact.

        Not the interval that is examined here, which should not vouch for itself.
        """
        low = stats.beta.ppf(0.025, self.held, self.runs - self.held + 1) if self.held else 0.0
        missed = self.runs - self.held
        high = stats.beta.ppf(0.975, self.held + 1, missed) if missed else 1.0
        return float(low), float(high)

    @property
    def flag(self) -> str:
        """`LOW` or `high` outside 93 to 97 %; with `?` where repetitions are too few to tell."""
        low, high = self.noise
        if self.share < LOW:
            return "LOW" if high < LOW else "LOW?"
        if self.share > HIGH:
            return "high" if low > HIGH else "high?"
        return ""

    def cells(self) -> tuple[str, ...]:
        """As in `RESULTS`; shares in percent, widths in points."""
        low, high = self.noise
        beyond = f"{100 * self.beyond / self.runs:.1f}"
        width = f"{100 * self.width:.1f}"
        around = f"{100 * low:.1f}–{100 * high:.1f}"
        return f"{100 * self.share:.1f}", around, beyond, width, self.flag


def tally(ends: FloatArray, truth: float) -> Coverage:
    """Counts of intervals [R, 2] against the truth."""
    low, high = ends[:, 0] - 1e-9, ends[:, 1] + 1e-9
    return Coverage(
        held=int(((low <= truth) & (truth <= high)).sum()),
        beyond=int((high < truth).sum()),
        runs=len(ends),
        width=float((ends[:, 1] - ends[:, 0]).mean()),
    )


def ends(found: Interval | Estimate | str) -> tuple[float, float]:
    """Both ends of an interval.

    Raises:
        ValueError: there is none; the message is the reason the gate would give.
    """
    if isinstance(found, str):
        raise ValueError(found)  # noqa: TRY004 - a reason, no wrong type
    interval = found.interval if isinstance(found, Estimate) else found
    return interval.low, interval.high


def seeds_of(sizes: tuple[int, ...]) -> Seeds:
    """The seed of each prompt, for seeds of so many prompts."""
    return np.repeat([f"s{i:03d}" for i in range(len(sizes))], sizes)
