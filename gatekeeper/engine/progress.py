"""Reports how far an audit is, to whoever shows it."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Receives an audit's progress; implemented by the commands."""

    def stage(self, name: str, half: int = 0) -> None:
        """A new stage has begun; under cross-fitting of the half (1 or 2) that selects."""

    def advance(self, done: int, total: int, *, found: int = 0) -> None:
        """Units done of the stage; `found` of them, since the last call, were no work of now."""

    def caution(self, text: str) -> None:
        """Something to know that stops nothing."""
