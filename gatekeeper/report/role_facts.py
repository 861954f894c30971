"""What may be said of roles without naming an expert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatekeeper.records.finding import Interval
from gatekeeper.records.role import ROLES, ProbeFact, Roles


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """Several experts masked together; units as in `records.role.GroupRole`."""

    name: str
    experts: int
    detection_loss: float
    detection_interval: Interval
    refusal_loss: float
    refusal_interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFacts:
    """Probes of one kind: how many, and the lowest and highest AUROC among them."""

    name: str
    probes: int
    low: float
    high: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """Roles of the experts selected first.

    Attributes:
        counts: experts per role; `least`: the lowest confidence among those of a clear role.
        reason: why there are none; then all else is empty.
    """

    counts: Mapping[str, int]
    least: float | None
    groups: tuple[GroupFacts, ...]
    probes: tuple[ProbeFacts, ...]
    n: int
    clusters: int
    reason: str


def role_facts(roles: Roles | str | None) -> RoleFacts | None:
    """The facts; None where the evidence is older than roles are."""
    if roles is None:
        return None
    if isinstance(roles, str):
        return RoleFacts(counts={}, least=None, groups=(), probes=(), n=0, clusters=0, reason=roles)
    clear = [e.confidence for e in roles.experts if e.role != "unclear"]
    selected = [e.probe for e in roles.experts if e.probe is not None]
    random = [probe for probe in roles.controls if probe.name.startswith("random expert")]
    rest = [probe for probe in roles.controls if probe not in random]
    return RoleFacts(
        counts={name: sum(e.role == name for e in roles.experts) for name in ROLES},
        least=min(clear, default=None),
        groups=tuple(
            GroupFacts(
                name=g.name,
                experts=len(g.experts),
                detection_loss=g.detection_loss,
                detection_interval=g.detection_interval,
                refusal_loss=g.refusal_loss,
                refusal_interval=g.refusal_interval,
            )
            for g in roles.groups
        ),
        probes=(
            *_probes("selected experts", selected),
            *_probes("random experts", random),
            *(fact for probe in rest for fact in _probes(probe.name, [probe])),
        ),
        n=roles.n,
        clusters=roles.clusters,
        reason="",
    )


def _probes(name: str, probes: Sequence[ProbeFact]) -> tuple[ProbeFacts, ...]:
    if not probes:
        return ()
    values = [probe.auroc for probe in probes]
    return (
        ProbeFacts(
            name=name,
            probes=len(probes),
            low=min(values),
            high=max(values),
            interval=probes[0].interval if len(probes) == 1 else None,
        ),
    )
