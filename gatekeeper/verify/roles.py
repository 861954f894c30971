"""Roles of experts held against the selections, and their numbers against one another."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.analysis.folds import views
from gatekeeper.analysis.intervals import CONFIDENCE
from gatekeeper.analysis.ranking import in_turn
from gatekeeper.analysis.roles import MOST, by_sets
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Interval
from gatekeeper.records.role import ExpertRole, GroupRole, ProbeFact, Roles
from gatekeeper.verify.made import makes_all

#: By how much a percentile interval may miss its value beside its own width: resamples are biased.
_BITS = 1e-3
#: Share of resamples that give a clear role at least: 95 % by its intervals, less those that left
#: nothing to count.
_LEAST = 0.9

_Told = Iterator[tuple[bool, str]]


def role_contradictions(evidence: Evidence) -> _Told:
    """Whether there is a contradiction, and which, of all that there can be."""
    roles = evidence.roles
    if not makes_all(evidence) or not isinstance(roles, Roles):
        return
    first = views(evidence)[0]
    # Of a selector that is skipped in one fold, the other may have had a selection that is dropped.
    if not (evidence.settings.cross_fit and evidence.skipped_selectors):
        told = tuple(one.expert for one in roles.experts)
        other = told != in_turn(first.selections, MOST)
        yield other, "roles are told of other experts than were selected first"
        stable = by_sets(first.selections, told)
        sets = any(one.by_sets != stable[one.expert] for one in roles.experts if not other)
        yield sets, "an expert is said to be stable in other groups than selections found it in"
    yield from _prompts(first, roles)
    yield from _groups(first, roles)
    measured: tuple[ExpertRole | GroupRole, ...] = (*roles.experts, *roles.groups)
    for each in measured:
        yield from _losses(each)
    for fact in _probes(roles):
        yield _misses(fact.auroc, fact.interval, slack=0.0), "a probe lies outside its interval"
    yield any(not _is_sure(one) for one in roles.experts), "a role is less sure than its intervals"


def _prompts(first: Evidence, roles: Roles) -> _Told:
    there = sum(p.selects and p.set in {"regular", "benign"} for p in first.suite.prompts)
    yield (
        roles.clusters > roles.n or roles.n != there,
        ("roles rest on other prompts than the regular and benign ones that select"),
    )
    other = any((fact.n, fact.clusters) != (roles.n, roles.clusters) for fact in _probes(roles))
    yield other, "a probe rests on other prompts than the roles"


def _groups(first: Evidence, roles: Roles) -> _Told:
    """Groups are made of the experts that roles are told of, but for the random ones beside."""
    told = tuple(one.expert for one in roles.experts)
    wanted = {
        f"{name} by sets": tuple(one.expert for one in roles.experts if name in one.by_sets)
        for name in ("HCDG", "HRCG")
    } | {"all selected": told}
    found = {group.name: group.experts for group in roles.groups}
    random = found.pop("random experts", ())
    yield (
        found != {name: experts for name, experts in wanted.items() if experts}
        or len({group.name for group in roles.groups}) < len(roles.groups),
        ("groups of roles are not made of the experts that roles are told of"),
    )
    shown = {r.expert for s in first.selections for r in s.ranked[:MOST]} | set(told)
    yield (
        len(set(random)) < len(random) or len(random) > len(told) or bool(set(random) & shown),
        ("the random experts beside roles were selected themselves, or are too many"),
    )
    names = [fact.name for fact in roles.controls]
    known = {f"random expert {e.layer}.{e.expert}" for e in random}
    yield (
        names.count("residual stream") != 1
        or len(set(names)) < len(names)
        or not set(names) <= known | {"residual stream", "bag of words"},
        ("the probes that roles are held against are not those that are fitted"),
    )


def _losses(one: ExpertRole | GroupRole) -> _Told:
    for value, interval in (
        (one.detection_loss, one.detection_interval),
        (one.refusal_loss, one.refusal_interval),
    ):
        slack = interval.high - interval.low
        yield _misses(value, interval, slack), "what an expert costs lies outside its interval"


def _probes(roles: Roles) -> Iterator[ProbeFact]:
    yield from roles.controls
    yield from (one.probe for one in roles.experts if one.probe is not None)


def _misses(value: float, interval: Interval, slack: float) -> bool:
    """Whether an interval is reversed, of another confidence, or lies away from its value."""
    low, high = interval.low - slack - _BITS, interval.high + slack + _BITS
    ordered = interval.low <= interval.high and low <= value <= high
    return not ordered or interval.confidence != CONFIDENCE


def _is_sure(one: ExpertRole) -> bool:
    return (0 if one.role == "unclear" else _LEAST) <= one.confidence <= 1
