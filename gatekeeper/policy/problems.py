"""What is wrong with a policy file, and where: collected rather than raised one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gatekeeper.errors import UsageError
from gatekeeper.odd_characters import named
from gatekeeper.odd_characters import remedy as instead
from gatekeeper.strict_yaml import Route, YamlDocument, place

#: Levels of a problem, in the order they are listed. An error makes a policy unusable.
LEVELS = ("error", "warning")


#: Ends the message about such a character.
_ODD = "is not what it looks like"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error or warning about a policy file, with its place.

    Attributes:
        level: one of `LEVELS`.
        where: `file:line:column`.
        position: (line, column), from 1, to sort by.
        route: keys and indices to the value that it is about.
    """

    level: str
    message: str
    where: str
    remedy: str
    position: tuple[int, int]
    route: Route = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.where}: {self.level}: {self.message} → {self.remedy}"

    def as_error(self, others: Sequence[UsageError] = ()) -> UsageError:
        """The same as an exception, with what else there is to mend."""
        return UsageError(self.message, where=self.where, remedy=self.remedy, others=others)


def error_at(
    document: YamlDocument,
    route: Route,
    message: str,
    remedy: str,
    *,
    key: bool = False,
    odd: bool = True,
) -> Problem:
    """An error about a value, or about its key.

    Args:
        odd: whether a character in it that only looks like one of the keyboard is told instead, at
            its own place: the message would show it as what it looks like.
    """
    where, position = document.where(route, key=key), document.position(route, key=key)
    lookalike = document.odd_character(route, key=key) if odd else None
    if lookalike is not None:
        character, position = lookalike
        message, remedy = f"{named(character)} {_ODD}", instead(character)
        where = place(document.file(route), position)
    return Problem(
        level="error",
        message=message,
        where=where,
        remedy=remedy,
        position=position,
        route=route,
    )


def is_odd(problem: Problem) -> bool:
    """Whether a problem is told as a character that only looks like another."""
    return problem.message.endswith(_ODD)


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Errors first, then by place in the file; each once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (LEVELS.index(p.level), p.position, p.message)))


def raised(problems: Iterable[Problem]) -> UsageError:
    """The first problem as an error, with the others in their order; each once."""
    first, *others = problems
    rest = dict.fromkeys(one for one in in_order(others) if one != first)
    return first.as_error([one.as_error() for one in rest])
