"""What became of waivers by a day: which count, which end soon, which do not count and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from gatekeeper.errors import did_you_mean
from gatekeeper.policy.extend import tiers_of
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.waiver_files import read_waiver_file, waivers_of
from gatekeeper.policy.waivers import two_people, void_for_all
from gatekeeper.policy.yaml_marks import read_yaml
from gatekeeper.records.policy import Policy, Waiver
from gatekeeper.strict_yaml import place

#: State of a waiver for a rule that the policy does not have.
UNKNOWN_RULE = "unknown rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverState:
    """One waiver on one day.

    Attributes:
        where: `file:line`.
        left: days until its last one, which counts; negative once it has expired.
        state: `counts`, `ends soon`, `expired`, `renewed` (a later one stands in for it),
            `not yet`, `does not count`, or `unknown rule`.
        why: of those that do not count.
    """

    waiver: Waiver
    where: str
    left: int
    state: str
    why: str = ""

    @property
    def due(self) -> bool:
        """Whether somebody should renew, mend or remove it."""
        return self.state in {"ends soon", "expired", "does not count", UNKNOWN_RULE}


def waivers_in(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a policy, or of a file of their own.

    Raises:
        UsageError: the file is neither.
    """
    if _is_policy(path):
        return _policy(path).waivers
    return waivers_of(read_waiver_file(path), None)


def states(
    paths: Sequence[Path],
    today: date,
    soon: int | None = None,
    policies: Sequence[Path] = (),
) -> tuple[WaiverState, ...]:
    """The waivers of files, those that end first at the top.

    Args:
        soon: days from today within which one that ends is due to be renewed; None: none is.
        policies: that the waivers are for; those among the files count too.

    Raises:
        UsageError: see `waivers_in`.
    """
    found = [(path, waiver) for path in paths for waiver in waivers_in(path)]
    known = [_policy(path) for path in (*policies, *filter(_is_policy, paths))]
    last: dict[tuple[str, str], date] = {}
    for _, waiver in found:
        if two_people(waiver):
            key = (waiver.rule, waiver.checkpoint)
            last[key] = max(waiver.expires, last.get(key, waiver.expires))
    told = (_of_a_rule(one, known) for one in _states(found, last, today, soon))
    return tuple(sorted(told, key=lambda one: one.left))


def _is_policy(path: Path) -> bool:
    data = read_yaml(path).data
    return isinstance(data, dict) and str(data.get("schema", "")).startswith("gatekeeper/policy/")


def _policy(path: Path) -> Policy:
    """A policy; of one with tiers the first, as all have the same rules."""
    return load_policy(path, next(iter(tiers_of(path)), None))


def _of_a_rule(one: WaiverState, policies: Sequence[Policy]) -> WaiverState:
    """The state of a waiver; of one for a rule that none of the policies has, that it has none."""
    rules = [rule.id for policy in policies for rule in policy.rules]
    if not policies or one.waiver.rule in rules:
        return one
    names = " and ".join(dict.fromkeys(policy.id for policy in policies))
    why = f"{names} has no such rule; {did_you_mean(one.waiver.rule, rules, 'check its id')}"
    return replace(one, state=UNKNOWN_RULE, why=why)


def _states(
    found: Sequence[tuple[Path, Waiver]],
    last: dict[tuple[str, str], date],
    today: date,
    soon: int | None,
) -> Iterator[WaiverState]:
    for path, waiver in found:
        left = (waiver.expires - today).days
        state, why = "counts", ""
        if not two_people(waiver):
            state, why = "does not count", void_for_all(waiver, waiver.expires) or ""
        elif waiver.expires < last[waiver.rule, waiver.checkpoint]:
            state = "renewed"
        elif left < 0:
            state = "expired"
        elif waiver.issued is not None and today < waiver.issued:
            state = "not yet"
        elif soon is not None and left <= soon:
            state = "ends soon"
        yield WaiverState(
            waiver=waiver, where=place(f"{path}:{waiver.line}"), left=left, state=state, why=why
        )
