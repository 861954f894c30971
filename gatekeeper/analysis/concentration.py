"""How few experts carry how much of the estimated effect on refusals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.clusters import evidence_clusters
from gatekeeper.analysis.intervals import t_quantile
from gatekeeper.analysis.ranking import MINIMUM_SEEDS
from gatekeeper.analysis.seeds import seed_means
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Interval

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentration:
    """Share (0 to 1) of the effect that k experts carry, and Gini's coefficient over all."""

    share: float
    interval: Interval
    gini: float
    seeds: int


def attribution_by_seed(evidence: Evidence) -> FloatArray | str:
    """Attribution per seed and expert [S, X], of the refused regular prompts; or why none."""
    profile = evidence.profile
    if profile is None:
        return "the bundle has no routing profile"
    if profile.attribution is None:
        return profile.attribution_note
    names = evidence_clusters(evidence.suite.prompts)
    regular = {p.id for p in evidence.suite.prompts if p.set == "regular"}
    there = np.zeros(profile.attribution.shape[1:], dtype=np.bool_)
    for row, site in enumerate(profile.sites):
        there[row, : site.experts] = True  # layers may have fewer experts than the widest
    flat = profile.attribution[:, there].astype(np.float64)
    is_regular = np.array([name in regular for name in profile.prompt_ids], dtype=np.bool_)
    rows = np.flatnonzero(is_regular & np.isfinite(flat).all(axis=1))
    seeds = np.array([names.get(profile.prompt_ids[i], "") for i in rows], dtype=np.str_)
    distinct, means = seed_means(flat[rows], seeds)
    if len(distinct) < 2 * MINIMUM_SEEDS:
        return (
            f"only {len(distinct)} refused regular seeds were attributed, {2 * MINIMUM_SEEDS} are "
            "needed"
        )
    return means


def concentration(scores: FloatArray, k: int, confidence: float) -> Concentration | str:
    """Share of the attributed effect that the k foremost experts carry.

    Every other seed ranks, the others measure. The share is Σ_top k / Σ_positive of scores, where
    both sets of experts come from the ranking half: noise of experts that carry nothing then adds
    to neither sum on average. It speaks of those sets. Interval: ratio of means by linearisation,
    SE = sd(u − R v) / (√S v̄), with Student's t (Cochran, Sampling Techniques, 3rd ed. 1977,
    equation 6.13). Both halves in turn, averaged, would look narrower but cover less: each half's
    noise is in the other's ranking.

    Args:
        scores: [S, X], per seed.

    Returns:
        a reason where the sum in the denominator cannot be told from 0.
    """
    ranking, measuring = scores[::2].mean(axis=0), scores[1::2]
    order = np.lexsort((np.arange(len(ranking)), -ranking))
    carries = order[ranking[order] > 0]
    top, positive = (measuring[:, chosen].sum(axis=1) for chosen in (carries[:k], carries))
    seeds, total = len(measuring), float(positive.mean())
    t = t_quantile(confidence, seeds - 1)
    if total - t * float(positive.std(ddof=1)) / seeds**0.5 <= 0:
        return "what experts carry together cannot be told from nothing"
    share = float(top.mean()) / total
    error = float((top - share * positive).std(ddof=1)) / (seeds**0.5 * total)
    share = min(max(share, 0.0), 1.0)
    return Concentration(
        share=share,
        interval=Interval(
            low=min(share, max(0.0, share - t * error)),
            high=max(share, min(1.0, share + t * error)),
            confidence=confidence,
            method="ratio of means, linearised",
        ),
        gini=gini(np.maximum(scores.mean(axis=0), 0.0)),
        seeds=seeds,
    )


def gini(values: FloatArray) -> float:
    """Gini's coefficient of values ≥ 0: 0 if all are alike, near 1 if one has all.

    G = Σ (2i − n − 1) x_(i) / (n Σ x), with x in ascending order (Gini 1912).
    """
    total = float(values.sum())
    if total <= 0:
        return 0.0
    n = len(values)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float(weights @ np.sort(values)) / (n * total)
