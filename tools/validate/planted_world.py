"""Activation profiles with a known truth, from worlds in which premises hold or do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.profile import ActivationProfile

FloatArray = npt.NDArray[np.float64]

#: Experts of the truth: half raised in regular only, half in regular and jailbreak.
TRUE = 8
#: q, experts taken per resample, as in an audit up to k = 8.
SIZE = 8
#: Resamples; an audit draws 1000 by default.
RESAMPLES = 100
SETS = ("regular", "jailbreak", "benign")
_TOP_K, _CATEGORIES = 4, 6
#: Tokens of a prompt, and of the window at its end.
_TOKENS = {"prompt": 40, "decision": 8}
#: Share of regular prompts that are refused, and so have an attribution.
_REFUSED = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How experts come to be used, in logits of a layer's softmax.

    Attributes:
        committee: logit of one expert a layer that is always on.
        base: standard deviation of the experts' own logits.
        topic: of what a category uses more, alike in all sets.
        seed: of what a request uses more, alike in its twins.
        prompt: of each prompt alone.
        drift: of what the twins of a category use more than its regular prompts: wording that has
            nothing to do with harm. Attribution drifts by category as much.
        busy_noise: whether the noise of an attribution grows with the expert's frequency.
    """

    committee: float = 0.0
    base: float = 0.0
    topic: float = 0.0
    seed: float = 0.0
    prompt: float = 0.5
    drift: float = 0.0
    busy_noise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What sets true experts apart.

    Attributes:
        routing: added to their logits.
        attribution: their mean attribution, in standard deviations of one prompt's.
    """

    routing: float
    attribution: float


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One draw: what selectors are given, the truth, and the committee."""

    given: SelectionInput
    truth: frozenset[ExpertId]
    committee: frozenset[ExpertId]


def shape_of(experts: int) -> tuple[int, int]:
    """Layers and experts a layer."""
    return (4, experts // 4) if experts <= 64 else (8, experts // 8)


def logits_of(
    routing: Routing, seeds: int, shape: tuple[int, int], generator: np.random.Generator
) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Logits without any effect [sets, seeds, L, E], and the category of each seed."""
    category = np.arange(seeds) % _CATEGORIES
    logits = routing.prompt * generator.normal(size=(len(SETS), seeds, *shape))
    logits += routing.base * generator.normal(size=shape)
    logits += routing.seed * generator.normal(size=(seeds, *shape))
    logits += routing.topic * generator.normal(size=(_CATEGORIES, *shape))[category]
    drift = routing.drift * generator.normal(size=(len(SETS) - 1, _CATEGORIES, *shape))
    logits[1:] += drift[:, category]
    logits[..., 0] += routing.committee
    return logits, category


def attribution_of(
    logits: FloatArray,
    category: npt.NDArray[np.intp],
    truth: npt.NDArray[np.intp],
    routing: Routing,
    effect: Effect,
    generator: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Attribution per regular prompt [seeds, L*E]; NaN where it was not refused."""
    seeds = len(category)
    busy = np.exp(logits[0]).mean(axis=0).ravel()
    sd = np.sqrt(busy / busy.mean()) if routing.busy_noise else np.ones(busy.size)
    scores = generator.normal(size=(seeds, busy.size))
    scores += routing.drift * generator.normal(size=(_CATEGORIES, busy.size))[category]
    scores *= sd
    scores[:, truth] += effect.attribution
    scores[generator.random(seeds) >= _REFUSED] = np.nan
    return scores.astype(np.float32)


def given_of(
    logits: FloatArray,
    scores: npt.NDArray[np.float32],
    generator: np.random.Generator,
    *,
    seed: int,
) -> SelectionInput:
    """What selectors are given of a world, with all of its prompts.

    Args:
        logits: [sets, seeds, L, E], of how experts are used.
        scores: [seeds, L*E], attribution per regular prompt.
    """
    seeds, layers, width = logits.shape[1:]
    share = np.exp(logits)
    share *= _TOP_K / share.sum(axis=-1, keepdims=True)
    share = np.minimum(share, 1.0).reshape(-1, layers, width)
    counts = {w: generator.binomial(t, share).astype(np.int32) for w, t in _TOKENS.items()}
    attribution = np.full((len(share), layers * width), np.nan, np.float32)
    attribution[:seeds] = scores
    sets = np.repeat(SETS, seeds)
    names = np.tile([f"s{i:04d}" for i in range(seeds)], len(SETS))
    profile = ActivationProfile(
        prompt_ids=tuple(f"{a}-{b}" for a, b in zip(sets, names, strict=True)),
        sites=tuple(
            MoeSite(layer=i, path=f"layers.{i}.mlp", experts=width, top_k=_TOP_K, shared=0)
            for i in range(layers)
        ),
        counts=counts,
        weights={},
        tokens={w: np.full(len(share), t, np.int32) for w, t in _TOKENS.items()},
        attribution=attribution.reshape(-1, layers, width),
        attribution_note="simulated",
    )
    return SelectionInput(
        profile=profile, sets=sets, seeds=names, size=SIZE, resamples=RESAMPLES, seed=seed
    )


def world(routing: Routing, effect: Effect, *, seeds: int, experts: int, seed: int) -> World:
    """Prompts of three sets, `seeds` each and twins by seed, in a model of so many experts.

    At each token an expert is chosen with its share of the layer's softmax times top-k (at most
    1), independently given the shares; a real router chooses exactly k.
    """
    generator = np.random.default_rng([seed, seeds, experts])
    layers, width = shape = shape_of(experts)
    logits, category = logits_of(routing, seeds, shape, generator)
    # No expert of the truth sits in the committee (column 0).
    free = np.flatnonzero(np.arange(experts) % width)
    truth = generator.choice(free, TRUE, replace=False)
    scores = attribution_of(logits, category, truth, routing, effect, generator)
    flat = logits.reshape(len(SETS), seeds, experts)
    flat[0][:, truth] += effect.routing
    flat[1][:, truth[: TRUE // 2]] += effect.routing
    return World(
        given=given_of(logits, scores, generator, seed=seed),
        truth=frozenset(ExpertId(int(i) // width, int(i) % width) for i in truth),
        committee=frozenset(ExpertId(i, 0) for i in range(layers)),
    )
