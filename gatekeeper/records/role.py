"""What part experts play: telling harm apart (HCDG), or holding the response (HRCG)."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.records.finding import Interval
from gatekeeper.records.model import ExpertId

#: HCDG: harmful content detection. HRCG: harmful response control.
ROLES = ("HCDG", "HRCG", "unclear")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFact:
    """How well a probe on some features tells harmful from benign prompts of topics it never saw.

    Attributes:
        auroc: share of (harmful, benign) pairs it puts in the right order; 0.5 by chance.
        n, clusters: prompts it rests on, and independent seeds among them.
    """

    name: str
    auroc: float
    interval: Interval
    n: int
    clusters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertRole:
    """The role of one expert: by what masking it costs, and by the sets it is stable in.

    Attributes:
        role: one of `ROLES`, from both intervals.
        confidence: share of resamples of the seeds that give the same role, in [0, 1].
        by_sets: groups that some selection found it in, such as `HCDG`.
        detection_loss: AUROC that a fixed probe of the residual stream loses when it is masked.
        refusal_loss: refusal log-odds lost when it is masked, in nats, mean over refused prompts.
        probe: a probe on its own output, or None where that could not be had.
    """

    expert: ExpertId
    role: str
    confidence: float
    by_sets: tuple[str, ...]
    detection_loss: float
    detection_interval: Interval
    refusal_loss: float
    refusal_interval: Interval
    probe: ProbeFact | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRole:
    """Several experts masked together; units as in `ExpertRole`."""

    name: str
    experts: tuple[ExpertId, ...]
    detection_loss: float
    detection_interval: Interval
    refusal_loss: float
    refusal_interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The roles of the experts selected first, with what they are held against.

    Attributes:
        controls: probes on matched random experts, on the residual stream and on a bag of words.
        n, clusters: prompts that detection is measured on, and independent seeds among them.
        notes: premises and choices a reader must know, one sentence each.
    """

    experts: tuple[ExpertRole, ...]
    groups: tuple[GroupRole, ...]
    controls: tuple[ProbeFact, ...]
    n: int
    clusters: int
    notes: tuple[str, ...]
