"""The limits that a slider takes: one slider for each limit of a policy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gatekeeper.policy.recalled import wordless
from gatekeeper.records.policy import Policy, Rule

#: Steps of a unit whose numbers have ends.
_ENDS = {"%": (0.0, 100.0, 0.5), "points": (0.0, 100.0, 0.5), "index": (-1.0, 1.0, 0.01)}
#: Whole experts that a limit may be, and steps of any other unit.
_EXPERTS, _STEPS = 200, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """One limit of a rule, and what it may be moved to.

    Attributes:
        rule: with this limit alone.
        side: `max` or `min`; `key`: under which it stands in the policy.
        values: in order; the policy's own limit is one of them.
    """

    rule: Rule
    side: str
    key: str
    values: tuple[float, ...]

    @property
    def limit(self) -> float:
        """That of the policy."""
        return limit_of(self.rule)

    @property
    def start(self) -> int:
        """Where the policy's own limit stands among the values."""
        return self.values.index(self.limit)

    def at(self, index: int) -> Rule:
        """The rule, of this side, with another limit."""
        return with_limit(self.rule, self.values[index])


def sliders(policy: Policy) -> tuple[Slider, ...]:
    """All limits of a policy, in its order; of a rule with two the lower one first."""
    return tuple(_slider(rule, side) for rule in policy.rules for side in rule.sides())


def _slider(rule: Rule, side: Rule) -> Slider:
    name = "max" if side.maximum is not None else "min"
    key = "max_regression" if rule.regression else name if len(rule.sides()) == 1 else "between"
    values = tuple(sorted({*_grid(side.unit, limit_of(side)), limit_of(side)}))
    return Slider(rule=side, side=name, key=key, values=values)


def limit_of(rule: Rule) -> float:
    """The limit of a rule that has one."""
    limit = rule.maximum if rule.maximum is not None else rule.minimum
    return 0.0 if limit is None else limit


def with_limit(rule: Rule, limit: float) -> Rule:
    """A rule of one limit with another one on the same side."""
    upper = rule.maximum is not None
    return replace(rule, maximum=limit) if upper else replace(rule, minimum=limit)


def _grid(unit: str, limit: float) -> tuple[float, ...]:
    if unit in _ENDS:
        first, last, step = _ENDS[unit]
        count = round((last - first) / step)
        return tuple(round(first + i * step, 9) for i in range(count + 1))
    if unit == "experts":
        return tuple(float(i) for i in range(1, _EXPERTS + 1))
    step = 10.0 ** math.floor(math.log10(abs(limit) or 1.0)) / 10
    return tuple(round(i * step, 9) for i in range(_STEPS + 1))


def limitless(policy: Policy) -> Policy:
    """A policy without words and, where its limits lie on the usual steps, without limits.

    What is remembered of an audit's tables hangs on this alone, whatever the limits are.
    """
    return wordless(policy, map(_bare, policy.rules))


def _bare(rule: Rule) -> Rule:
    limits = {"minimum": rule.minimum, "maximum": rule.maximum}
    for name, limit in limits.items():
        if limit is not None and rule.unit in _ENDS and limit in _grid(rule.unit, limit):
            limits[name] = _ENDS[rule.unit][0 if name == "minimum" else 1]
    bare = replace(rule, rationale="", remedy="", controls=(), line=0)
    return replace(bare, minimum=limits["minimum"], maximum=limits["maximum"])
