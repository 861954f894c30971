"""Simulated routing with a known truth."""

from __future__ import annotations

import numpy as np

from gatekeeper.records.model import ExpertId, MoeSite
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.windows import WINDOWS

LAYERS, EXPERTS, TOKENS = 4, 16, 20
SITES = tuple(
    MoeSite(layer=i + 1, path=f"layers.{i + 1}.mlp", experts=EXPERTS, top_k=2, shared=0)
    for i in range(LAYERS)
)


def planted(
    truth: tuple[ExpertId, ...] = (),
    *,
    seeds: int = 40,
    effect: float = 6.0,
    busy: tuple[ExpertId, ...] = (),
    attribution: bool = False,
    seed: int = 0,
) -> SelectionInput:
    """Counts in which regular prompts use `truth` more often, and all prompts use `busy` often."""
    generator = np.random.default_rng(seed)
    sets = np.repeat(["regular", "jailbreak", "benign"], seeds)
    names = np.tile([f"s{i:03d}" for i in range(seeds)], 3)
    weight = np.ones((len(sets), LAYERS, EXPERTS))
    for expert in busy:
        weight[:, expert.layer - 1, expert.expert] = 12
    for expert in truth:
        weight[sets == "regular", expert.layer - 1, expert.expert] = effect
    share = weight / weight.sum(axis=2, keepdims=True)
    counts = np.array(
        [[generator.multinomial(2 * TOKENS, layer) for layer in row] for row in share], np.int32
    )
    scores = None
    if attribution:
        scores = generator.normal(0, 0.3, counts.shape).astype(np.float32)
        for rank, expert in enumerate(truth):
            scores[:, expert.layer - 1, expert.expert] += 3 - 0.5 * rank
        scores[sets != "regular"] = np.nan
    tokens = np.full(len(sets), TOKENS, np.int32)
    profile = ActivationProfile(
        prompt_ids=tuple(f"{a}-{b}" for a, b in zip(sets, names, strict=True)),
        sites=SITES,
        counts=dict.fromkeys(WINDOWS, counts),
        weights=dict.fromkeys(WINDOWS, counts.astype(np.float32)),
        tokens=dict.fromkeys(WINDOWS, tokens),
        attribution=scores,
        attribution_note="simulated" if attribution else "attribution was not run",
    )
    return SelectionInput(profile=profile, sets=sets, seeds=names, size=4, resamples=200, seed=seed)
