"""A reporter that tells nobody."""

from __future__ import annotations


class Silent:
    def stage(self, name: str, half: int = 0) -> None:
        pass

    def advance(self, done: int, total: int, *, found: int = 0) -> None:
        pass

    def caution(self, text: str) -> None:
        pass
