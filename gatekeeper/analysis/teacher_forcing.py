"""Means per token of forced replies, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.analysis.intervals import t_quantile
from gatekeeper.analysis.outcomes import selected_mask, why_no_mask
from gatekeeper.analysis.paired import MINIMUM_N
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing, Subject
from gatekeeper.records.trial import MODE

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """Forced benign replies under one mask, all [n]; `seeds` as in `analysis.clusters`."""

    tokens: FloatArray
    loss: FloatArray
    divergence: FloatArray
    seeds: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerToken:
    """A mean per token with its interval, of n replies to prompts of so many seeds."""

    value: float
    interval: Interval
    n: int
    clusters: int
    tokens: int


def forced(evidence: Evidence, subject: Subject) -> Forced | str:
    """The replies under a subject's mask, of both folds if there are two; or why there are none.

    `loss`: −log p lost under the mask, summed over the reply.
    """
    at = (subject.selector or "", subject.k or 0, subject.mode or MODE)
    mask = selected_mask(evidence, *at)
    if mask is None:
        return why_no_mask(evidence, *at)
    names = {m.name for m in evidence.masks if m.label == mask.label}
    replies = [r for r in evidence.usefulness if r.mask in names]
    if len(replies) < len(names):
        return "benign replies were not forced under this mask"
    clusters = evidence_clusters(evidence.suite.prompts)
    return Forced(
        tokens=np.array([t for r in replies for t in r.tokens], np.float64),
        loss=np.array(
            [
                after - before
                for r in replies
                for before, after in zip(r.plain, r.masked, strict=True)
            ]
        ),
        divergence=np.array([d for r in replies for d in r.divergence]),
        seeds=np.array([clusters.get(p, "") for r in replies for p in r.prompts], np.str_),
    )


def finding(
    metric: str, version: int, subject: Subject, mean: PerToken | str, *, unit: str
) -> Finding | Missing:
    """A mean per token as a finding, or why there is none."""
    if isinstance(mean, str):
        return Missing(metric=metric, version=version, subject=subject, reason=mean)
    return Finding(
        metric=metric,
        version=version,
        subject=subject,
        value=mean.value,
        unit=unit,
        interval=mean.interval,
        n=mean.n,
        clusters=mean.clusters,
        counts={"tokens": mean.tokens},
    )


def per_token(
    sums: FloatArray, tokens: FloatArray, seeds: npt.NDArray[np.str_], confidence: float
) -> PerToken | str:
    """Σ sums / Σ tokens with a t interval over seeds, or why there is none.

    The ratio of two means over S seeds by linearisation: SE = sd(u − R v)/(√S v̄) (Cochran,
    Sampling Techniques, 3rd ed. 1977, equation 6.13), where u and v are a seed's sums and tokens.
    """
    names, index = np.unique(seeds, return_inverse=True)
    if len(names) < MINIMUM_N:
        return f"only {len(sums)} benign replies from too few independent seeds were forced"
    top = np.bincount(index, weights=sums, minlength=len(names))
    bottom = np.bincount(index, weights=tokens, minlength=len(names))
    value = float(top.sum() / bottom.sum())
    error = float((top - value * bottom).std(ddof=1)) / (len(names) ** 0.5 * float(bottom.mean()))
    reach = t_quantile(confidence, len(names) - 1) * error
    return PerToken(
        value=value,
        interval=Interval(
            low=value - reach,
            high=value + reach,
            confidence=confidence,
            method="ratio of means, linearised, over seeds",
        ),
        n=len(sums),
        clusters=len(names),
        tokens=int(tokens.sum()),
    )
