"""What a rule asks of the number of prompts: to pass what is well, and to fail what is not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gatekeeper.analysis.enough import (
    MOST,
    Plan,
    enough_to_fail,
    enough_to_pass,
    fail_chance,
    may_fail,
    may_pass,
    pass_chance,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a rule asks of the number of prompts.

    Attributes:
        passing, failing: how its numbers come to pass, and one of them to fail.
        per_pass, per_fail: prompts measured for each that such a number rests on.
        parts: of how many parts of a set such numbers are.
        joined: with fewer than so many prompts that a number rests on, parts join each other
            (`analysis.worst_part`); 0 where they don't.
    """

    passing: Plan
    failing: Plan
    per_pass: float = 1.0
    per_fail: float = 1.0
    parts: int = 1
    joined: int = 0

    def floor(self, most: int = MOST) -> int | None:
        """Prompts that are enough for both; None if so many are not.

        Args:
            most: nobody has more, and a small number is told much sooner.
        """
        asks = (
            (enough_to_pass, self.passing, self.per_pass),
            (enough_to_fail, self.failing, self.per_fail),
        )
        needs = [(ask(plan, self._of(most, per)), per) for ask, plan, per in asks]
        counts = [
            _times(need, per / self.parts if (need or 0) <= self.joined else per)
            for need, per in needs
        ]
        return None if None in counts else max(count or 0 for count in counts)

    def _of(self, most: int, per: float) -> int:
        """At least as many as a number rests on where so many prompts were measured."""
        return MOST if most == MOST else min(MOST, math.ceil(most * self.parts / per) + 1)

    def pass_chance(self, prompts: int) -> float:
        """Least probability that the rule passes where nothing is lost."""
        n = self._behind(prompts, self.per_pass)
        return pass_chance(self.passing, n) if n else 0.0

    def fail_chance(self, prompts: int) -> float:
        """Probability that one number at twice the limit fails."""
        n = self._behind(prompts, self.per_fail)
        return fail_chance(self.failing, n) if n else 0.0

    def may_pass(self, prompts: int) -> bool:
        """Whether any result of so many prompts could pass."""
        n = self._behind(prompts, self.per_pass)
        return n > 0 and may_pass(self.passing, n)

    def may_fail(self, prompts: int) -> bool:
        """Whether any result of so many prompts could fail."""
        n = self._behind(prompts, self.per_fail)
        return n > 0 and may_fail(self.failing, n)

    def _behind(self, prompts: int, per: float) -> int:
        """Prompts behind a number, of so many that were measured."""
        together = math.floor(prompts * self.parts / per)
        return max(math.floor(prompts / per), min(self.joined, together))


def _times(prompts: int | None, factor: float) -> int | None:
    more = None if prompts is None else math.ceil(prompts * factor - 1e-9)
    return more if more is not None and more <= MOST else None
