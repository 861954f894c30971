"""Reports the progress of several sweeps as one count that never goes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Advance(Protocol):
    """A function that progress is reported to: `Reporter.advance`."""

    def __call__(self, done: int, total: int, *, found: int = 0) -> None:
        """Units done, of how many; `found` of them were there before they were asked for."""


@dataclass(slots=True, kw_only=True)
class Joined:
    """Counts rows over several sweeps.

    Attributes:
        before: rows of the sweeps that have ended; `rows`: of the one that runs.
    """

    advance: Advance
    before: int = 0
    rows: int = 0

    def next(self, later: int) -> Callable[[int, int], None]:
        """The progress of the next sweep.

        Args:
            later: most rows of all sweeps behind it. Each time no more than was said before, less
                what has been run since: then the total never grows.
        """
        self.before, self.rows = self.before + self.rows, 0
        begun = False

        def progress(done: int, total: int) -> None:
            nonlocal begun
            self.rows = total
            # What a sweep tells first is what it found in the store.
            resumed = 0 if begun else done
            begun = True
            self.advance(self.before + done, self.before + total + later, found=resumed)

        return progress

    def end(self) -> None:
        """Reports that all is done: no further sweep comes."""
        self.next(0)
        self.advance(self.before, self.before)
