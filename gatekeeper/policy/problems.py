"""What is wrong with a policy file, and where: collected rather than raised one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.errors import UsageError

#: Levels of a problem, in the order they are listed. An error makes a policy unusable.
LEVELS = ("error", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend.

    Attributes:
        level: one of `LEVELS`.
        where: `file:line:column`.
        position: (line, column), from 1, to sort by.
    """

    level: str
    message: str
    where: str
    remedy: str
    position: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.where}: {self.level}: {self.message} → {self.remedy}"

    def as_error(self) -> UsageError:
        """The same as an exception."""
        return UsageError(self.message, where=self.where, remedy=self.remedy)


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Errors first, then by place in the file; each once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (LEVELS.index(p.level), p.position, p.message)))
