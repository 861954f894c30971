"""Checks roles of experts against the selections, and their numbers against one another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.analysis.folds import views
from gatekeeper.analysis.intervals import CONFIDENCE
from gatekeeper.analysis.ranking import in_turn
from gatekeeper.analysis.roles import (
    DETECTION_MARGIN,
    METHOD,
    METHOD_ALIKE,
    MOST,
    REFUSAL_MARGIN,
    by_sets,
)
from gatekeeper.records.evidence import Evidence, PromptRef
from gatekeeper.records.finding import Interval
from gatekeeper.records.role import ExpertRole, GroupRole, ProbeFact, Roles
from gatekeeper.verify.made import makes_all

#: By how much an interval may miss its value by rounding.
_BITS = 1e-3
#: What resamples that left nothing to count, and ranks between two of 2,000, may add to a share.
_LEFT = 0.01
#: Share of resamples beyond either end of an interval.
_TAIL = (1 - CONFIDENCE) / 2
#: Beside a margin: losses of few pairs may be the margin itself.
_NEAR = 1e-9

_Checks = Iterator[tuple[bool, str]]
_Range = tuple[float, float]


def role_contradictions(evidence: Evidence) -> _Checks:
    """Checks of roles: for each possible contradiction, whether it is there, and words."""
    roles = evidence.roles
    if not makes_all(evidence) or not isinstance(roles, Roles):
        return
    first = views(evidence)[0]
    # Of a selector that is skipped in one fold, the other may have had a selection that is dropped.
    if not (evidence.settings.cross_fit and evidence.skipped_selectors):
        experts = tuple(e.expert for e in roles.experts)
        other = experts != in_turn(first.selections, MOST)
        yield other, "roles are told of other experts than were selected first"
        stable = by_sets(first.selections, experts)
        sets = any(e.by_sets != stable[e.expert] for e in roles.experts if not other)
        yield sets, "an expert is said to be stable in other groups than selections found it in"
    prompts = [p for p in first.suite.prompts if p.selects and p.set in {"regular", "benign"}]
    cluster = evidence_clusters(prompts)
    yield from _prompts(prompts, roles, len(set(cluster.values())))
    yield from _groups(first, roles)
    measured: tuple[ExpertRole | GroupRole, ...] = (*roles.experts, *roles.groups)
    twins = _twins(prompts, [cluster[p.id] for p in prompts])
    for each in measured:
        yield from loss_contradictions(each, twins, roles.clusters)
    for fact in _probes(roles):
        yield _misses(fact.auroc, fact.interval, slack=0.0), "a probe lies outside its interval"
        beyond = fact.interval.low < -_BITS or fact.interval.high > 1 + _BITS
        yield beyond, "a probe is better than one that is always right, or worse than never"
    unsure = any(not is_sure(e) for e in roles.experts)
    yield unsure, "a role is more or less sure than its intervals"


def _prompts(prompts: Sequence[PromptRef], roles: Roles, clusters: int) -> _Checks:
    yield (
        roles.clusters != clusters or roles.n != len(prompts),
        ("roles rest on other prompts than the regular and benign ones that select"),
    )
    other = any((fact.n, fact.clusters) != (roles.n, roles.clusters) for fact in _probes(roles))
    yield other, "a probe rests on other prompts than the roles"


def _groups(first: Evidence, roles: Roles) -> _Checks:
    """Checks that groups hold the experts that have roles, but for the random ones beside."""
    experts = tuple(e.expert for e in roles.experts)
    wanted = {
        f"{name} by sets": tuple(e.expert for e in roles.experts if name in e.by_sets)
        for name in ("HCDG", "HRCG")
    } | {"all selected": experts}
    groups = {group.name: group.experts for group in roles.groups}
    random = groups.pop("random experts", ())
    yield (
        groups != {name: members for name, members in wanted.items() if members}
        or len({group.name for group in roles.groups}) < len(roles.groups),
        ("groups of roles are not made of the experts that roles are told of"),
    )
    shown = {r.expert for s in first.selections for r in s.ranked[:MOST]} | set(experts)
    yield (
        len(set(random)) < len(random) or len(random) > len(experts) or bool(set(random) & shown),
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


def _twins(prompts: Sequence[PromptRef], clusters: Sequence[str]) -> float:
    """Share of the pairs of a harmful and a benign prompt that are of one cluster."""
    harmful = Counter(c for p, c in zip(prompts, clusters, strict=True) if p.set == "regular")
    benign = Counter(c for p, c in zip(prompts, clusters, strict=True) if p.set == "benign")
    pairs = harmful.total() * benign.total()
    return sum(count * benign[c] for c, count in harmful.items()) / pairs if pairs else 0.0


def loss_contradictions(role: ExpertRole | GroupRole, twins: float, clusters: int) -> _Checks:
    """Checks that each loss lies in its interval, as far as percentiles of resamples hold it.

    A mean over clusters does: resamples lie on both sides of it. A share of pairs may not, as pairs
    within a cluster are drawn twice as often as others: at most by their share, times how much
    more may be lost there.
    """
    value, interval = role.detection_loss, role.detection_interval
    words = "what an expert costs lies outside its interval"
    yield _misses(value, interval, slack=twins * (1 + abs(value))), words
    yield _misses(role.refusal_loss, role.refusal_interval, slack=0.0), words
    methods = {interval.method, role.refusal_interval.method}
    yield not methods <= {METHOD, METHOD_ALIKE}, "what experts cost has intervals of no known kind"
    reach = 1 - (1 - CONFIDENCE) ** (1 / max(clusters, 1))
    for loss, around, exact in (
        (value, interval, True),
        (role.refusal_loss, role.refusal_interval, False),  # of the refused alone, which are fewer
    ):
        low, high = loss - around.low, around.high - loss
        other = not math.isclose(low, high, abs_tol=_BITS) or low < reach - _BITS
        other |= exact and low > reach + _BITS
        yield (
            around.method == METHOD_ALIKE and other,
            "an interval where no seed differs is another",
        )


def _probes(roles: Roles) -> Iterator[ProbeFact]:
    yield from roles.controls
    yield from (e.probe for e in roles.experts if e.probe is not None)


def _misses(value: float, interval: Interval, slack: float) -> bool:
    """Whether an interval is reversed, of another confidence, or lies away from its value."""
    low, high = interval.low - slack - _BITS, interval.high + slack + _BITS
    ordered = interval.low <= interval.high and low <= value <= high
    return not ordered or interval.confidence != CONFIDENCE


def is_sure(role: ExpertRole) -> bool:
    """Whether so many resamples can give a role, by how many lie above each margin.

    An unclear role is as sure as the likelier of the two others is not.
    """
    falls = _above(role.refusal_interval, REFUSAL_MARGIN)
    fails = _above(role.detection_interval, DETECTION_MARGIN)
    detects = max(0.0, falls[0] + fails[0] - 1), min(falls[1], fails[1])
    controls = max(0.0, falls[0] - fails[1]), min(falls[1], 1 - fails[0])
    likelier = max(detects[0], controls[0], falls[0] / 2), max(detects[1], controls[1])
    wanted = {"HCDG": detects, "HRCG": controls}.get(role.role, (1 - likelier[1], 1 - likelier[0]))
    least, most = max(0.0, wanted[0] - _LEFT), min(1.0, wanted[1] + _LEFT)
    return least <= role.confidence <= most


def _above(interval: Interval, margin: float) -> _Range:
    """The share of resamples above a margin: least and most, by an interval of percentiles."""
    low, high = interval.low, interval.high
    if interval.method == METHOD_ALIKE:  # all are the value itself
        middle = (low + high) / 2
        return float(middle > margin + _NEAR), float(middle > margin - _NEAR)
    least = 1 - _TAIL if low > margin + _NEAR else _TAIL if high > margin + _NEAR else 0.0
    most = _TAIL if high < margin - _NEAR else 1 - _TAIL if low < margin - _NEAR else 1.0
    return least, most
