"""The numbers that a policy asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gatekeeper import catalog
from gatekeeper.policy.subjects import expand
from gatekeeper.policy.testing.numbers import metric_of
from gatekeeper.records.finding import PARTS, Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Policy, Rule


@dataclass(frozen=True, slots=True)
class Asks:
    """One number that a policy asks for: metric, subject, and what its interval is about.

    Of a subject of each category, or language, it is the number of whichever part is looked at.

    Attributes:
        regression: whether it is by how much that number is worse than a baseline's.
    """

    metric: str
    subject: Subject
    interval: str
    regression: bool = False

    @property
    def answered(self) -> Metric:
        """The metric that answers it."""
        return metric_of(self.metric, regression=self.regression)


def asks_of(rule: Rule, policy: Policy) -> tuple[Asks, ...]:
    """The numbers that a rule asks for.

    Args:
        policy: sized for a model, with the rule in it.
    """
    subjects = expand(catalog.load("metric", rule.metric), rule, policy.needs)
    return tuple(ask_of(rule, subject) for subject in subjects)


def ask_of(rule: Rule, subject: Subject) -> Asks:
    """The number that a rule asks for of one of its subjects."""
    interval = "suite" if rule.regression else rule.interval
    return Asks(rule.metric, subject, interval, rule.regression)


def named_parts(asks: Iterable[Asks]) -> tuple[tuple[str, str], ...]:
    """The categories and languages that numbers are about by name, as `told.Setting.parts`."""
    names = ((of, getattr(ask.subject, of)) for ask in asks for of in PARTS)
    return tuple(dict.fromkeys((of, name) for of, name in names if name))
