"""Linear probes for harm, each prompt scored by a model that saw neither its topic nor its seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.intervals import CONFIDENCE, normal_quantile
from gatekeeper.analysis.ranking import MINIMUM_SEEDS
from gatekeeper.analysis.resampling import bootstrap_counts
from gatekeeper.records.finding import Interval

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
StrArray = npt.NDArray[np.str_]

#: Folds of topics; fewer if there are fewer topics.
FOLDS = 5
#: Resamples of seeds behind an interval: its ends are then the 50th values from either side.
RESAMPLES = 2000
#: Columns of a bag of words: the tokens most prompts share, enough for templated and free text.
VOCABULARY = 2048

METHOD = "cluster bootstrap by seed, widened for shared training rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One fitted model, as score = features @ weights + offset.

    Attributes:
        rows: the held-out prompts it scores; `train`: those it was fitted on.
    """

    rows: npt.NDArray[np.intp]
    train: npt.NDArray[np.intp]
    weights: FloatArray
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A probe and how well it does on prompts it has not seen.

    Attributes:
        scores: [P], out of fold, positive where it leans to harm.
        folds: the fitted models, for `transfer`.
        n, clusters: prompts, and independent seeds among them.
    """

    auroc: float
    interval: Interval
    scores: FloatArray
    folds: tuple[Fold, ...]
    n: int
    clusters: int


def probe(
    features: npt.NDArray[np.floating],
    labels: BoolArray,
    topics: StrArray,
    seeds: StrArray,
    *,
    seed: int,
) -> Probe | str:
    """L2 logistic regression (C = 1, lbfgs, standardised), held out by topic and by seed.

    The log-odds of two folds are not on one scale: their training rows differ. So each fold's
    scores are centred and scaled by those of its training rows before all are pooled. The held-out
    rows' own mean would not do: it depends on how many of them are harmful.

    Source of the classifier: SAFEx (arXiv 2506.17368), whose split is not held out by topic.

    Args:
        features: [P, H].
        labels: [P], True for harmful prompts.
        topics: [P], such as harm categories; folds are whole topics.
        seeds: [P], clusters of prompts that are no independent evidence.
        seed: makes the resamples of the interval.

    Returns:
        A string with the reason where there is too little to probe.
    """
    if features.shape[1] == 0:
        return "there are no features to probe"
    for name, wanted in (("harmful", labels), ("benign", ~labels)):
        count = len(set(seeds[wanted]))
        if count < MINIMUM_SEEDS:
            return f"only {count} seeds of {name} prompts to probe; {MINIMUM_SEEDS} are needed"
    if len(set(topics)) < 2:
        return "all prompts are of one topic: no topic can be held out"
    folds = _fitted(features.astype(np.float64), labels, topics, seeds)
    if isinstance(folds, str):
        return folds
    scores = _scores(folds, features)
    names, cluster = np.unique(seeds, return_inverse=True)
    weights = bootstrap_counts(len(names), RESAMPLES, seed)[:, cluster]
    value = float(weighted_auroc(scores, labels, np.ones((1, len(labels))))[0])
    return Probe(
        auroc=value,
        interval=_interval(
            value, weighted_auroc(scores, labels, weights), labels, seeds, len(folds)
        ),
        scores=scores,
        folds=folds,
        n=len(labels),
        clusters=len(names),
    )


def transfer(fitted: Probe, features: npt.NDArray[np.floating]) -> FloatArray:
    """Out-of-fold scores [P] that the fitted models give to other features of the same prompts.

    So that detection under a mask is measured with the probe held fixed: one fitted anew would
    find whatever else still tells the prompts apart. Each fold's scores are centred and scaled anew
    by its training rows: a mask that moves all prompts alike would move each fold by another
    amount, and the pooled order would fall though no fold's has.

    Args:
        features: [P, H], rows as those the probe was fitted on.
    """
    scores = np.zeros(len(features))
    for fold in fitted.folds:
        raw = features.astype(np.float64) @ fold.weights
        width = float(raw[fold.train].std()) or 1.0
        scores[fold.rows] = (raw[fold.rows] - raw[fold.train].mean()) / width
    return scores


def weighted_auroc(scores: FloatArray, labels: BoolArray, weights: FloatArray) -> FloatArray:
    """Share of (harmful, benign) pairs in the right order, ties half, per row of weights: [R].

    Source: Bamber (1975), J. Math. Psychol. 12:387; with weights, as if prompts were repeated.

    Args:
        weights: [R, P], how often each prompt counts.

    Returns:
        NaN where a row leaves no harmful or no benign prompt.
    """
    values, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(values)))
    ranked, harmful = weights[:, order], labels[order]
    above = np.add.reduceat(ranked * harmful, starts, axis=1)
    below = np.add.reduceat(ranked * ~harmful, starts, axis=1)
    right: FloatArray = (above * (below.cumsum(axis=1) - below / 2)).sum(axis=1)
    pairs = above.sum(axis=1) * below.sum(axis=1)
    shares = np.full(len(weights), np.nan)
    np.divide(right, pairs, out=shares, where=pairs > 0)
    return shares


def bag_of_words(token_ids: Sequence[Sequence[int]], *, most: int = VOCABULARY) -> FloatArray:
    """Counts of tokens [P, V] over the tokens that occur in some but not all of the prompts.

    Args:
        most: columns kept, those of the tokens in most prompts (ties: the lower id).
    """
    frequency = Counter(token for ids in token_ids for token in set(ids))
    # What stands in every prompt is the chat template.
    some = [(-count, token) for token, count in frequency.items() if count < len(token_ids)]
    chosen = sorted(some)[:most]
    column = {token: i for i, (_, token) in enumerate(chosen)}
    counts = np.zeros((len(token_ids), len(chosen)))
    for row, ids in enumerate(token_ids):
        for token in ids:
            if token in column:
                counts[row, column[token]] += 1
    return counts


def _fitted(
    features: FloatArray, labels: BoolArray, topics: StrArray, seeds: StrArray
) -> tuple[Fold, ...] | str:
    from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]

    splitter = GroupKFold(min(FOLDS, len(set(topics))))
    folds = []
    for train, rows in splitter.split(features, labels, topics):
        # A seed may have prompts of several topics.
        usable = train[~np.isin(seeds[train], seeds[rows])]
        if len(set(labels[usable])) < 2:
            return "with a topic held out, only harmful or only benign prompts are left to fit"
        weights, offset = _fit(features[usable], labels[usable])
        folds.append(Fold(rows=rows, train=usable, weights=weights, offset=offset))
    return tuple(folds)


def _fit(features: FloatArray, labels: BoolArray) -> tuple[FloatArray, float]:
    """Weights and offset that give scores of mean 0 and variance 1 on the training rows."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    mean, spread = features.mean(axis=0), features.std(axis=0)
    # What hardly varies would be blown up; it then counts for nothing.
    live = spread > 1e-7 * np.abs(features).max(initial=0.0)
    scale = np.where(live, 1 / np.where(live, spread, 1.0), 0.0)
    model = LogisticRegression(C=1.0, solver="lbfgs", max_iter=1000)
    model.fit((features - mean) * scale, labels)
    weights = model.coef_[0] * scale
    scores = features @ weights
    width = float(scores.std()) or 1.0
    return weights / width, -float(scores.mean()) / width


def _scores(folds: Sequence[Fold], features: npt.NDArray[np.floating]) -> FloatArray:
    scores = np.zeros(len(features))
    for fold in folds:
        scores[fold.rows] = features[fold.rows].astype(np.float64) @ fold.weights + fold.offset
    return scores


def _interval(
    value: float, drawn: FloatArray, labels: BoolArray, seeds: StrArray, folds: int
) -> Interval:
    """Percentiles over resamples, widened twice.

    Where nearly all pairs are right they collapse: the interval is no narrower than Newcombe's. And
    the folds' models share training rows, so that chance leads them the same way; resampling scores
    does not show it. Variances are taken times 1 + J n₂/n₁ = 1 + J/(J − 1) for J folds of n₂ held
    out and n₁ fitted rows. Simulated without any signal, it is what the scatter of AUROC asks for
    (0.069 where resampling says 0.046); with signal it is more than enough.

    Source: Nadeau & Bengio (2003), Machine Learning 52:239, section 3.2 ("corrected resampled").
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    least = newcombe(value, len(set(seeds[labels])), len(set(seeds[~labels])))
    widening = (1 + folds / (folds - 1)) ** 0.5
    return Interval(
        low=max(0.0, value - widening * (value - min(float(low), least[0]))),
        high=min(1.0, value + widening * (max(float(high), least[1]) - value)),
        confidence=CONFIDENCE,
        method=METHOD,
    )


def newcombe(value: float, harmful: int, benign: int) -> tuple[float, float]:
    """Score-like interval for an AUROC, with width also where every pair is in order.

    The ends are where |θ − θ̂| = z √V(θ), with the variance of Hanley & McNeil (1982) at
    N* = (m + n)/2 − 1. Source: Newcombe (2006), Statistics in Medicine 25:559, method 5.
    """
    z = normal_quantile(CONFIDENCE)
    star = (harmful + benign) / 2 - 1

    def inside(theta: float) -> bool:
        spread = 1 + star * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        variance = theta * (1 - theta) * spread / (harmful * benign)
        return (theta - value) ** 2 <= z * z * variance

    def end(outer: float) -> float:
        near, far = value, outer
        for _ in range(48):
            middle = (near + far) / 2
            near, far = (middle, far) if inside(middle) else (near, middle)
        return near

    return end(0.0), end(1.0)
