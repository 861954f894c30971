"""Which experts detect harm and which control the response: by sets, and by what masking costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.intervals import CONFIDENCE
from gatekeeper.analysis.masks import FLOOR, OTHER_LAYER
from gatekeeper.analysis.probing import RESAMPLES, weighted_auroc
from gatekeeper.analysis.resampling import bootstrap_counts
from gatekeeper.records.finding import Interval
from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.role import ExpertRole, GroupRole, ProbeFact
from gatekeeper.records.selection import Selection

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
StrArray = npt.NDArray[np.str_]

#: AUROC is a share of (harmful, benign) pairs: with 5 in 100 pairs more in the wrong order,
#: detection has fallen. A loss that is smaller for sure is taken for none.
DETECTION_MARGIN = 0.05
#: In nats: the odds of refusing fall by a fifth. With enough prompts any expert at all has some
#: effect that differs from 0. Set with the two demo models in view: of the 60 experts not planted
#: there, 57 and 59 move the log-odds by less than 0.1, two of the first layer by 0.30 and 0.34.
REFUSAL_MARGIN = math.log(1.25)

#: Experts that are told roles of.
MOST = 8

METHOD = "cluster bootstrap by seed, percentile"
METHOD_ALIKE = "rule of three: no seed differs"

#: Experts nearest in activity of which a control is drawn.
_NEAREST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What all experts are measured on: the prompts, the fixed probe's scores, and the resamples.

    Attributes:
        labels: [P], True for harmful prompts.
        plain: [P], out-of-fold scores of the probe on the unmasked model.
        weights: [R, P] and `refusal_weights` [R, N]: how often each prompt of either kind counts
            in each of R resamples of the same seeds, so that both can be looked at jointly.
        clusters: independent seeds among the P prompts, and `refusal_clusters` among the N.
    """

    labels: BoolArray
    plain: FloatArray
    weights: FloatArray
    refusal_weights: FloatArray
    clusters: int
    refusal_clusters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What a mask costs, with the same over R resamples (NaN where one left nothing to count)."""

    detection: float
    detection_interval: Interval
    detection_drawn: FloatArray
    refusal: float
    refusal_interval: Interval
    refusal_drawn: FloatArray


def basis(
    labels: BoolArray, plain: FloatArray, seeds: StrArray, refusal_seeds: StrArray, *, seed: int
) -> Basis:
    """The basis of P prompts whose detection, and N whose refusal is measured.

    Args:
        seeds, refusal_seeds: [P], [N]; seeds of the same name are drawn together.
        seed: makes the resamples.
    """
    names, place = np.unique(np.concatenate([seeds, refusal_seeds]), return_inverse=True)
    drawn = bootstrap_counts(len(names), RESAMPLES, seed)[:, place]
    return Basis(
        labels=labels,
        plain=plain,
        weights=drawn[:, : len(seeds)],
        refusal_weights=drawn[:, len(seeds) :],
        clusters=len(set(seeds)),
        refusal_clusters=len(set(refusal_seeds)),
    )


def losses(base: Basis, masked: FloatArray, refusal: FloatArray) -> Losses:
    """What a mask costs: AUROC of the fixed probe, unmasked minus masked, and refusal log-odds.

    Args:
        masked: [P], scores of the same folds' models under the mask.
        refusal: [N], refusal log-odds lost per prompt, in nats.
    """
    once = np.ones((1, len(masked)))

    def fallen(weights: FloatArray) -> FloatArray:
        before = weighted_auroc(base.plain, base.labels, weights)
        return before - weighted_auroc(masked, base.labels, weights)

    detection = fallen(base.weights)
    total = base.refusal_weights.sum(axis=1)
    sums = base.refusal_weights @ refusal
    lost = np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0)
    return Losses(
        detection=float(fallen(once)[0]),
        detection_interval=_interval(detection, base.clusters),
        detection_drawn=detection,
        refusal=float(refusal.mean()),
        refusal_interval=_interval(lost, base.refusal_clusters),
        refusal_drawn=lost,
    )


def role_of(detection: Interval, refusal: Interval) -> str:
    """HCDG: detection and refusal fall. HRCG: refusal falls, detection holds. Else unclear.

    Detection holds where a loss of the margin is ruled out; a gain counts as holding.
    """
    if refusal.low <= REFUSAL_MARGIN:
        return "unclear"
    if detection.low > DETECTION_MARGIN:
        return "HCDG"
    return "HRCG" if detection.high < DETECTION_MARGIN else "unclear"


def confidence_of(role: str, loss: Losses) -> float:
    """Share of resamples that give the same role, each by its own two losses.

    One resample has no interval and is nearly always on one side of the margins. An unclear role is
    as sure as the likelier of the other two is not.
    """
    falls = loss.refusal_drawn > REFUSAL_MARGIN
    detects = float(np.mean(falls & (loss.detection_drawn > DETECTION_MARGIN)))
    controls = float(np.mean(falls & (loss.detection_drawn <= DETECTION_MARGIN)))
    if role == "unclear":
        return 1 - max(detects, controls)
    return detects if role == "HCDG" else controls


def expert_role(
    expert: ExpertId, loss: Losses, by_sets: Sequence[str], probe: ProbeFact | None
) -> ExpertRole:
    """The record of one expert masked alone."""
    role = role_of(loss.detection_interval, loss.refusal_interval)
    return ExpertRole(
        expert=expert,
        role=role,
        confidence=confidence_of(role, loss),
        by_sets=tuple(by_sets),
        detection_loss=loss.detection,
        detection_interval=loss.detection_interval,
        refusal_loss=loss.refusal,
        refusal_interval=loss.refusal_interval,
        probe=probe,
    )


def group_role(name: str, experts: Sequence[ExpertId], loss: Losses) -> GroupRole:
    """The record of several experts masked together."""
    return GroupRole(
        name=name,
        experts=tuple(experts),
        detection_loss=loss.detection,
        detection_interval=loss.detection_interval,
        refusal_loss=loss.refusal,
        refusal_interval=loss.refusal_interval,
    )


def by_sets(
    selections: Sequence[Selection], experts: Sequence[ExpertId]
) -> Mapping[ExpertId, tuple[str, ...]]:
    """Groups that each expert is stable in by any of the selections."""
    groups: dict[ExpertId, set[str]] = {expert: set() for expert in experts}
    for selection in selections:
        for ranked in selection.ranked:
            if ranked.expert in groups:
                groups[ranked.expert].update(ranked.groups)
    return {expert: tuple(sorted(names)) for expert, names in groups.items()}


def matched_experts(
    experts: Sequence[ExpertId],
    frequency: FloatArray,
    sites: Sequence[MoeSite],
    excluded: Callable[[ExpertId], bool],
    *,
    seed: int,
) -> tuple[ExpertId, ...]:
    """A random expert for each, of about its activity and of its layer where there are such.

    Args:
        frequency: [L, E], mean activation frequency, as controls are drawn by.
        excluded: which may not be drawn, such as those that a selection put first.

    Returns:
        fewer than asked for if the model has no more.
    """
    busy = {
        ExpertId(site.layer, expert): math.log(max(float(frequency[row, expert]), FLOOR))
        for row, site in enumerate(sites)
        for expert in range(site.experts)
    }
    pool = [e for e in busy if e not in set(experts) and not excluded(e)]
    generator = np.random.default_rng(seed)
    drawn: list[ExpertId] = []
    for expert in experts:
        free = [e for e in pool if e not in drawn]
        if not free:
            break
        distance = [
            abs(busy[e] - busy[expert]) + (0.0 if e.layer == expert.layer else OTHER_LAYER)
            for e in free
        ]
        near = np.argsort(distance, kind="stable")[:_NEAREST]
        drawn.append(free[int(generator.choice(near))])
    return tuple(drawn)


def _interval(drawn: FloatArray, clusters: int) -> Interval:
    """Percentiles; where all resamples agree, what 1 − α^(1/clusters) of unseen seeds could do.

    An AUROC loses ε if the harmful prompts of a share ε of the seeds fall below all benign ones.
    Log-odds only agree like that where the mask touches nothing.
    """
    finite = drawn[np.isfinite(drawn)]
    if len(finite) == 0:
        raise ValueError("no resample left anything to count")
    low, high = np.quantile(finite, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    method = METHOD
    if high - low < 1e-12:
        reach = 1 - (1 - CONFIDENCE) ** (1 / clusters)
        low, high, method = low - reach, high + reach, METHOD_ALIKE
    return Interval(low=float(low), high=float(high), confidence=CONFIDENCE, method=method)
