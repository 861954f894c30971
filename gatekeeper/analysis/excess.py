"""Interval for a drop beyond the mean drop of random masks, measured on the same prompts.

MOVER with the covariance of the two means: with estimates a and b, and intervals (la, ua) and
(lb, ub) of their own, the upper end is a − b + √((ua − a)² + (b − lb)² − 2 z² cov(a, b)), the lower
likewise. Source: Zou (2007), Psychological Methods 12:399 (general method for correlated
estimates), and Zou & Donner (2008), Statistics in Medicine 27:1693. They write r (ua − a) (b − lb)
where z² cov(a, b) stands here, which is the same for margins of z standard errors; a margin that is
wider than that is thus given no more credit for the correlation.

The covariance follows the answers, so it could let the upper end fall when one more prompt is lost.
As in `clustered`, the end is therefore the highest that fewer lost prompts would have had: winning
back d of them moves a by d/n, leaves ua where it was or lower, and takes from the covariance at
most what the d prompts give to it that are lost most under the random masks. It is never taken to
be negative. ADR 4 has the proof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gatekeeper.analysis import betting, clustered
from gatekeeper.analysis.clustered import FloatArray
from gatekeeper.analysis.intervals import normal_quantile, t_quantile
from gatekeeper.analysis.paired import Estimate
from gatekeeper.records.finding import Interval

METHOD = "MOVER with covariance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Refusals lost and won under masks: both [masks, n], 0 or 1."""

    lost: FloatArray
    won: FloatArray

    @property
    def net(self) -> FloatArray:
        """Lost minus won, [masks, n]."""
        return self.lost - self.won


def control_mean(controls: Changes, seeds: np.ndarray, confidence: float) -> tuple[float, Interval]:
    """Mean drop of random masks with an interval that is about all masks alike, not only these.

    Two margins are added in squares: of the prompts, every trial of a seed's prompts under any mask
    being an event of that seed (see `clustered`); and of the masks, t √(s²/R) with s² the variance
    of R masks' drops. Both count the noise of one mask on one prompt, so the sum errs on the wide
    side. Source: Owen (2007), Annals of Applied Statistics 1:386, on such sums for rows and columns
    drawn at random.

    Args:
        controls: at least two masks.
        seeds: [n], the seed of each prompt.
    """
    drops = controls.net.mean(axis=1)
    masks = len(drops)
    trials = clustered.Seeds.of(seeds).times(masks)
    of_prompts = clustered.difference(
        controls.lost.ravel(), controls.won.ravel(), trials, confidence, monotone=False
    )
    error = math.sqrt(float(drops.var(ddof=1)) / masks)
    margin = t_quantile(confidence, masks - 1) * error
    mean = float(drops.mean())
    return mean, Interval(
        low=mean - math.hypot(mean - of_prompts.low, margin),
        high=mean + math.hypot(of_prompts.high - mean, margin),
        confidence=confidence,
        method=of_prompts.method,
    )


def excess(
    drop: Estimate, selected: Changes, controls: Changes, seeds: np.ndarray, confidence: float
) -> tuple[float, float, Interval]:
    """Drop minus mean drop of the controls, that mean, and the interval of the difference.

    Args:
        drop: of the selected mask, with its own interval.
        selected: one mask; `controls`: at least two, on the same prompts.
        seeds: [n], the seed of each prompt.
    """
    mean, beside = control_mean(controls, seeds, confidence)
    change, other = selected.net[0], controls.net.mean(axis=0)
    z = normal_quantile(confidence)
    pull = z * z * _pull(other, seeds)
    up = _highest(drop.value, drop.interval.high, mean - beside.low, change, pull)
    down = _highest(-drop.value, -drop.interval.low, beside.high - mean, -change, -pull)
    interval = Interval(
        low=max(-down - mean, -1.0),
        high=min(up - mean, 1.0),
        confidence=confidence,
        method=METHOD,
    )
    return drop.value - mean, mean, interval


#: Of the error rate of an excess by betting, the share that the spread between masks is given.
_MASKS = 0.2


def excess_by_betting(
    drop: Estimate,
    selected: Changes,
    controls: Changes,
    seeds: np.ndarray,
    confidence: float,
    *,
    largest: int,
) -> tuple[float, float, Interval]:
    """The same as `excess`, for a run that may have been looked at any number of times.

    A prompt's change under the selected mask less its mean change under the controls lies from -1
    to 1, since all start from the same unmasked reply; its mean is bet on (`betting`). The spread
    between masks, of `control_mean`, is added to either side at a fifth of the error rate.
    """
    drops = controls.net.mean(axis=1)
    apart = selected.net[0] - controls.net.mean(axis=0)
    alpha = 1 - confidence
    of_prompts = betting.interval(apart, seeds, 1 - (1 - _MASKS) * alpha, largest=largest)
    error = math.sqrt(float(drops.var(ddof=1)) / len(drops))
    margin = t_quantile(1 - _MASKS * alpha, len(drops) - 1) * error
    interval = Interval(
        low=max(of_prompts.low - margin, -1.0),
        high=min(of_prompts.high + margin, 1.0),
        confidence=confidence,
        method=betting.METHOD,
    )
    return drop.value - float(drops.mean()), float(drops.mean()), interval


def _pull(other: FloatArray, seeds: np.ndarray) -> FloatArray:
    """What the covariance of both means gains by each prompt's change of one, [n].

    The covariance is that of sums over seeds, C/(C − 1) Σ D O / n² with D and O the sums of a seed
    of what differs from the mean; it is linear in the changes of the selected mask.
    """
    _, index = np.unique(seeds, return_inverse=True)
    sums = np.bincount(index, other - other.mean())
    weights = sums[index]
    gain = len(sums) / max(len(sums) - 1, 1) / len(other) ** 2
    return np.asarray((weights - weights.mean()) * gain)


def _highest(
    value: float, high: float, margin: float, change: FloatArray, pull: FloatArray
) -> float:
    """The highest upper end, without the controls' mean, over all ways to have lost fewer.

    Args:
        value, high: the selected mask's drop and the upper end of its interval.
        margin: from the controls' mean to the end of its interval that counts against.
        change: [n], 1 lost, -1 won.
        pull: [n], z² times what the covariance gains by each.
    """
    order = np.argsort(-pull, kind="stable")
    room = change[order] + 1
    steps = np.arange(round(float(room.sum())) + 1)
    pulled = np.interp(
        steps, np.append(0.0, np.cumsum(room)), np.append(0.0, np.cumsum(room * pull[order]))
    )
    shared = np.maximum(float(change @ pull) - pulled, 0.0)
    back = steps / len(change)
    squares = (high - value + back) ** 2 + margin**2 - 2 * shared
    return float((value - back + np.sqrt(np.maximum(squares, 0.0))).max())
