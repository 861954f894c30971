"""Limits that make no sense beside what a metric means and what the other rules say.

On the wrong side, at odds with another rule, never deciding because a stricter rule does, or so
small that noise alone breaks them: each is an error, since the policy would say something else than
its author means.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gatekeeper.analysis.enough import BACKGROUND
from gatekeeper.policy.limit_check import is_change
from gatekeeper.policy.subjects import expand
from gatekeeper.policy.wording import limit_text
from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import EvidenceNeeds, Policy, Rule
from gatekeeper.records.trial import MODE, UNMASKED
from gatekeeper.strict_yaml import Route

#: Set, mode and mask that a subject stands for which names none.
_MEANT = {"set": "regular", "mode": MODE, "mask": UNMASKED.name}
#: The least and the largest number of a unit.
_RANGES = {
    "%": (0, 100),
    "points": (0, 100),
    "index": (-1, 1),
    "experts": (1, math.inf),
}


class Fault(NamedTuple):
    """What is wrong with a rule's limit: the key of the rule it is about, and what to do."""

    route: Route
    message: str
    remedy: str


class Asked(NamedTuple):
    """A rule with exactly one limit, and where it stands in the file."""

    rule: Rule
    metric: Metric
    route: Route

    @property
    def side(self) -> str:
        """`max` or `min`."""
        return "max" if self.rule.maximum is not None else "min"

    @property
    def limit(self) -> float:
        """The number of its limit."""
        given = self.rule.maximum if self.rule.maximum is not None else self.rule.minimum
        return 0.0 if given is None else given

    def written(self, side: str | None = None, limit: float | None = None) -> str:
        """`max: 10 points`, as it stands in the file, or as it should."""
        number = self.limit if limit is None else limit
        return f"{side or self.side}: {number:g} {self.rule.unit}"

    def fault(self, message: str, remedy: str) -> Fault:
        """A fault of its limit."""
        return Fault((*self.route, self.side), message, remedy)


def one_sided(
    policy: Policy, metrics: Mapping[str, Metric], routes: Mapping[str, Route]
) -> list[Asked]:
    """The rules of a policy that have one limit; others are not held against a side."""
    return [
        Asked(rule, metrics[rule.metric], routes[rule.id])
        for rule in policy.rules
        if not rule.regression and (rule.maximum is None) != (rule.minimum is None)
    ]


def senseless(asked: Sequence[Asked], needs: EvidenceNeeds) -> Iterator[Fault]:
    """Every fault of limits by themselves and beside each other."""
    sensible = [one for one in asked if not on_wrong_side(one)]
    for one in asked:
        if one not in sensible:
            yield _wrong_side(one)
    yield from _never_failing(sensible)
    yield from _repeated(sensible, needs)
    yield from _within_noise(sensible)


def on_wrong_side(asked: Asked) -> bool:
    """Whether a limit holds back the better numbers instead of the worse ones."""
    more_is_worse = asked.metric.more_is_worse(asked.rule.subjects[0])
    return more_is_worse != (asked.rule.maximum is not None)


def _wrong_side(asked: Asked) -> Fault:
    subject = asked.rule.subjects[0]
    about = asked.metric.id
    if "set" in asked.metric.parameters:
        about += f" on {_set(subject).replace('_', '-')} prompts"
    worse, right = ("more", "max") if asked.metric.more_is_worse(subject) else ("less", "min")
    message = f"{asked.written()} is on the wrong side: of {about} {worse} is worse"
    return asked.fault(message, f"write {asked.written(right)}")


def _never_failing(asked: Sequence[Asked]) -> Iterator[Fault]:
    """Limits at the end of all the numbers there can be."""
    for one in asked:
        least, most = _RANGES.get(one.rule.unit, (-math.inf, math.inf))
        if one.limit >= most if one.side == "max" else one.limit <= least:
            message = f"{one.written()} can never fail: no number lies beyond it"
            yield one.fault(message, "write a real limit, or remove the rule")


# -- rules beside each other ----------------------------------------------------------------------


def _repeated(asked: Sequence[Asked], needs: EvidenceNeeds) -> Iterator[Fault]:
    """Rules that never decide, as another one is about the same and at least as strict."""
    for at, one in enumerate(asked):
        covers = [
            other
            for i, other in enumerate(asked)
            if other is not one and _covers(other, one, needs, first=i < at)
        ]
        if covers:
            other = covers[0]
            also = "the same" if other.limit == one.limit else limit_text(other.rule)
            message = (
                f"rule {one.rule.id} never decides: rule {other.rule.id} asks {also} of all "
                "that it is about"
            )
            yield Fault(one.route, message, "remove it, or make it the stricter one")


def _covers(other: Asked, one: Asked, needs: EvidenceNeeds, *, first: bool) -> bool:
    """Whether whatever breaks one rule breaks the other too, at no lesser severity.

    Args:
        first: whether the other stands before; of two alike the second is told.
    """
    same = (other.rule.metric, other.side, other.rule.interval) == (
        one.rule.metric,
        one.side,
        one.rule.interval,
    )
    if not same or (other.rule.severity == "warn" and one.rule.severity != "warn"):
        return False
    if other.rule.bound == "estimate" and one.rule.bound != "estimate":
        return False
    stricter = other.limit < one.limit if one.side == "max" else other.limit > one.limit
    alike = (other.limit, other.rule.severity, other.rule.bound) == (
        one.limit,
        one.rule.severity,
        one.rule.bound,
    )
    mine, theirs = _meant(one, needs), _meant(other, needs)
    if not stricter and (other.limit != one.limit or (alike and mine == theirs and not first)):
        return False
    return mine <= theirs


def _meant(asked: Asked, needs: EvidenceNeeds) -> set[tuple[Subject, float | None]]:
    """What a rule is asked of, with what it need not say; of a size that is a share, the share."""
    subjects = expand(asked.metric, asked.rule, needs) or asked.rule.subjects
    spelt = [_spelt_out(at, asked.metric) for at in subjects]
    sizes = {(at, None) for at in spelt if at.k is not None or not asked.rule.shares}
    return sizes | {(replace(at, k=None), share) for at in spelt for share in asked.rule.shares}


def _spelt_out(at: Subject, metric: Metric) -> Subject:
    left_out = [key for key in _MEANT if key in metric.parameters and getattr(at, key) is None]
    meant: dict[str, Any] = {key: _MEANT[key] for key in left_out}
    return replace(at, **meant)


# -- noise ----------------------------------------------------------------------------------------


def _within_noise(asked: Sequence[Asked]) -> Iterator[Fault]:
    """Limits on what a mask changes that are smaller than what changes without one."""
    allowed = {
        _set(at): one
        for one in asked
        if one.metric.id == "noise-floor" and one.side == "max"
        for at in one.rule.subjects
    }
    for one in asked:
        if one.side != "max" or not is_change(one.metric) or one.limit == 0:
            continue
        noise = allowed.get(_set(one.rule.subjects[0]))
        if one.limit < 100 * BACKGROUND:
            yield one.fault(
                f"{one.written()} lies below the noise floor: about {100 * BACKGROUND:g} % of "
                "replies change between two runs without any mask",
                f"write {one.written(limit=1)} or more",
            )
        elif noise is not None and one.limit < noise.limit:
            yield one.fault(
                f"{one.written()} lies within the noise that rule {noise.rule.id} allows "
                f"({noise.limit:g} % of outcomes flip without any mask)",
                f"write {one.written(limit=noise.limit)} or more, or {one.limit:g} % there",
            )


def _set(subject: Subject) -> str:
    return subject.set or "regular"
